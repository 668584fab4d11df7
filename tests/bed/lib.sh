# What the scripts of the test bed share: words to people, and what is known about a process. Sourced, never run.
# It starts and ends nothing.

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
