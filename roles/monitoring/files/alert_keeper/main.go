// Keeps the alerts that Alertmanager tells of, for whoever asks in the pod, and writes each down. It also has something
// that can be broken on purpose, so that the way of an alert can be tried from its beginning to its end.
//
//	alert-keeper serve             keep alerts until it is told to end
//	alert-keeper alerts            those it knows, and how each is
//	alert-keeper trial SECONDS     break that something, wait for its alert, mend it, wait until the alert is over
//	alert-keeper fetch URL         what a service says that the platform's authority vouches for
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

const (
	socket    = "/run/alert-keeper/ask"
	authority = "/etc/monitoring/authority/ca.crt"
	patience  = 20 * time.Second
	most      = 64 << 20
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "serve":
		return serve()
	case len(arguments) == 1 && arguments[0] == "alerts":
		return ask("/alerts", patience)
	case len(arguments) == 2 && arguments[0] == "trial":
		seconds, err := strconv.Atoi(arguments[1])
		if err != nil || seconds < 1 {
			return fmt.Errorf("%q is no number of seconds", arguments[1])
		}
		// Twice: until the alert is there, and until it is over.
		return ask("/trial?seconds="+arguments[1], 2*time.Duration(seconds)*time.Second+patience)
	case len(arguments) == 2 && arguments[0] == "fetch":
		return fetch(arguments[1])
	}
	return fmt.Errorf("say `serve`, `alerts`, `trial SECONDS` or `fetch URL`")
}

// ask prints what the server in this pod says.
func ask(path string, limit time.Duration) error {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	return show(&http.Client{Timeout: limit, Transport: &http.Transport{DialContext: dial}}, "http://keeper"+path)
}

func fetch(url string) error {
	bundle, err := os.ReadFile(authority)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		return fmt.Errorf("%s holds no certificate", authority)
	}
	known := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}
	return show(&http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: known}}, url)
}

func show(client *http.Client, url string) error {
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", answer.Status, body)
	}
	_, err = os.Stdout.Write(body)
	return err
}
