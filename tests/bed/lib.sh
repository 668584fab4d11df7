# What the scripts of the test bed share: words to people, what is known about a process, free ports, certificates of the
# bed's own. Sourced, never run. It starts and ends nothing.

say() { printf 'bed: %s\n' "$*" >&2; }

# running PID: whether it still runs. One that has ended and that its parent has not asked for yet counts as ended:
# it answers `kill -0` for as long as the parent likes.
running() {
  kill -0 "$1" 2>/dev/null || return 1
  case $(ps -o stat= -p "$1" 2>/dev/null) in Z*) return 1 ;; esac
}

# belongs PID FOLDER: whether its command line names the bed's folder. Ids are given again: after a restart of the
# machine, the one that was written down may be anybody's.
belongs() {
  case $(ps -ww -o args= -p "$1" 2>/dev/null) in *"$2"/*) ;; *) return 1 ;; esac
}

# free_port NAME: sets NAME to a port nobody listens on, and that nobody was given before. Below 32768, where systems begin
# to hand out ports for connections: one of those could take it between the look and the use.
taken=' '
free_port() {
  local candidate
  while :; do
    candidate=$((20000 + RANDOM % 12000))
    case $taken in *" $candidate "*) continue ;; esac
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null; then
      taken="$taken$candidate "
      printf -v "$1" %s "$candidate"
      return
    fi
  done
}

# authority: makes, in this folder, an authority of the bed's own and the key of ServiceAccounts.
authority() {
  openssl genrsa -out sa.key 2048 2>/dev/null
  openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null
  openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 30 -subj /CN=headroom-bed 2>/dev/null
}
# certificate NAME SUBJECT EXTENSIONS: makes one of that authority, in this folder.
certificate() {
  openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out "$1.crt" -extfile <(printf '%s' "$3") 2>/dev/null
}
# kubeconfig SERVER FOLDER NAME: prints one with the certificate of that name.
kubeconfig() {
  cat <<CONFIG
apiVersion: v1
kind: Config
clusters: [{name: bed, cluster: {server: "$1", certificate-authority-data: $(base64 -w0 "$2/ca.crt")}}]
users: [{name: $3, user: {client-certificate-data: $(base64 -w0 "$2/$3.crt"), client-key-data: $(base64 -w0 "$2/$3.key")}}]
contexts: [{name: bed, context: {cluster: bed, user: $3}}]
current-context: bed
CONFIG
}
