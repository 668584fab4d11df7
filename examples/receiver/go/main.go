// A receiver of waves that has each of them once, however often it is asked: with it a Sender may say keyed.
//
//	SIGNING_KEY=whsec_… go run . 127.0.0.1:8090 FOLDER
//
// A job is a file whose name is the idempotency key, and the file system makes it at most once. Whatever sends the messages
// takes its work from FOLDER, and moves what it has sent elsewhere in FOLDER; it never deletes a file younger than the
// retention that the Sender declares.
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A body of Headroom is no longer.
const longest = 64 << 10

// A request that was signed longer ago is not believed: somebody may have kept it.
const tolerance = 5 * time.Minute

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

type receiver struct {
	folder  string
	signing []byte
}

// signed says whether a request is from whoever has the signing key, as Standard Webhooks 1.0 has it.
func (r receiver) signed(head http.Header, body []byte) bool {
	id, stamp := head.Get("webhook-id"), head.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > tolerance {
		return false
	}
	mac := hmac.New(sha256.New, r.signing)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	// While a key is being changed there are two signatures.
	for _, one := range strings.Fields(head.Get("webhook-signature")) {
		given, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(one, "v1,"))
		if err == nil && strings.HasPrefix(one, "v1,") && hmac.Equal(given, mac.Sum(nil)) {
			return true
		}
	}
	return false
}

// take makes the job, unless it is there. What is there and says something else is another job under the same key.
func (r receiver) take(key string, body []byte) (same bool, err error) {
	file, err := os.CreateTemp(r.folder, ".new-*")
	if err != nil {
		return false, err
	}
	defer os.Remove(file.Name())
	if _, err = file.Write(body); err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return false, err
	}
	job := filepath.Join(r.folder, key+".json")
	// The one step that decides: it makes the name with all of its content, or fails because the name is there.
	err = os.Link(file.Name(), job)
	if errors.Is(err, fs.ErrExist) {
		there, err := os.ReadFile(job)
		return err == nil && bytes.Equal(there, body), err
	}
	if err != nil {
		return false, err
	}
	folder, err := os.Open(r.folder)
	if err != nil {
		return false, err
	}
	defer folder.Close()
	return true, folder.Sync()
}

func (r receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, longest))
	key := request.Header.Get("Idempotency-Key")
	var wave struct {
		Wave struct {
			Recipients int64 `json:"recipients"`
		} `json:"wave"`
	}
	switch {
	case err != nil:
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	case r.signing != nil && (request.Header.Get("webhook-id") != key || !r.signed(request.Header, body)):
		http.Error(w, "the signature is not right", http.StatusUnauthorized)
		return
	case !uuid.MatchString(key) || json.Unmarshal(body, &wave) != nil:
		http.Error(w, "a wave is JSON, under an Idempotency-Key that is a UUID", http.StatusBadRequest)
		return
	}
	same, err := r.take(key, body)
	if err != nil {
		// Not known to have stayed away: Headroom asks again under the same key.
		log.Print(err)
		http.Error(w, "it cannot be stored", http.StatusInternalServerError)
		return
	}
	if !same {
		http.Error(w, "this key came with another body", http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, "{\"recipients\": %d}\n", wave.Wave.Recipients)
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: receiver ADDRESS FOLDER")
	}
	r := receiver{folder: os.Args[2]}
	if text := os.Getenv("SIGNING_KEY"); text != "" {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
		if err != nil {
			log.Fatal("SIGNING_KEY is whsec_ and base64: ", err)
		}
		r.signing = key
	}
	if err := os.MkdirAll(r.folder, 0o700); err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	server := http.Server{Handler: r, ReadTimeout: 20 * time.Second, WriteTimeout: 20 * time.Second}
	log.Fatal(server.Serve(listener))
}
