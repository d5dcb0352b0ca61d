package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	certificate = "/etc/monitoring/tls/tls.crt"
	key         = "/etc/monitoring/tls/tls.key"
	// Alertmanager tells here, and Prometheus asks there: each is let in at its own.
	toldAt  = ":8443"
	askedAt = ":8444"
)

func serve() error {
	ending, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	keeper := newKeeper(os.Stdout)
	told, asked, inside := http.NewServeMux(), http.NewServeMux(), http.NewServeMux()
	told.HandleFunc("POST /alerts", keeper.told)
	told.HandleFunc("GET /ready", func(http.ResponseWriter, *http.Request) {})
	asked.HandleFunc("GET /metrics", keeper.metrics)
	inside.HandleFunc("GET /alerts", keeper.list)
	inside.HandleFunc("GET /trial", keeper.try)

	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	ended := make(chan error, 3)
	servers := []*http.Server{encrypted(toldAt, told), encrypted(askedAt, asked), {Handler: inside, ReadHeaderTimeout: patience}}
	for _, server := range servers[:2] {
		go func() { ended <- server.ListenAndServeTLS("", "") }()
	}
	go func() { ended <- servers[2].Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ending.Done():
	}
	closing, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	for _, server := range servers {
		_ = server.Shutdown(closing)
	}
	return nil
}

// encrypted returns a server that reads its certificate anew for each connection: it is renewed while it serves.
func encrypted(address string, handler http.Handler) *http.Server {
	read := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		return &pair, err
	}
	return &http.Server{
		Addr: address, Handler: handler, ReadHeaderTimeout: patience, ReadTimeout: patience, IdleTimeout: 2 * time.Minute,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: read},
	}
}
