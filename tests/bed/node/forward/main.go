// Command forward passes connections on from one address to another: `forward FROM TO`, each either `tcp:HOST:PORT` or
// `unix:PATH`. A socket with a path is seen from every network namespace, so two of these lead from the loopback of a
// machine to a node that has a network of its own, and nothing of the machine's network is changed.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

func parse(address string) (network, where string) {
	network, where, found := strings.Cut(address, ":")
	if !found || (network != "tcp" && network != "unix") {
		fail(fmt.Errorf("%q is no address: write tcp:HOST:PORT or unix:PATH", address))
	}
	return network, where
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "forward:", err)
	os.Exit(1)
}

// half ends the direction in which nothing comes any more, and leaves the other one open.
func half(to, from net.Conn, done chan<- struct{}) {
	_, _ = io.Copy(to, from)
	if closer, can := to.(interface{ CloseWrite() error }); can {
		_ = closer.CloseWrite()
	}
	done <- struct{}{}
}

func serve(client net.Conn, network, where string) {
	defer client.Close()
	server, err := net.Dial(network, where)
	if err != nil {
		fmt.Fprintln(os.Stderr, "forward:", err)
		return
	}
	defer server.Close()
	done := make(chan struct{}, 2)
	go half(server, client, done)
	go half(client, server, done)
	<-done
	<-done
}

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: forward FROM TO"))
	}
	network, where := parse(os.Args[1])
	toNetwork, toWhere := parse(os.Args[2])
	listener, err := net.Listen(network, where)
	if err != nil {
		fail(err)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			fail(err)
		}
		go serve(client, toNetwork, toWhere)
	}
}
