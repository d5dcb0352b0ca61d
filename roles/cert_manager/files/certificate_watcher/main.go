// Tells of each certificate it is given, as a workload would come to use it, until it is told to end.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	folder := flag.String("folder", "/etc/certificate", "folder of tls.crt and tls.key")
	authorities := flag.String("authorities", "/etc/authorities/ca.crt", "file of the authorities a workload trusts")
	name := flag.String("name", "", "the name it serves")
	flag.Parse()
	last := ""
	for {
		serial, err := serve(*folder, *authorities, *name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if serial != last {
			fmt.Println("serial " + serial)
			last = serial
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// serve loads the pair, has a client that trusts the authorities check it, and returns its serial number.
func serve(folder, authorities, name string) (string, error) {
	pair, err := tls.LoadX509KeyPair(folder+"/tls.crt", folder+"/tls.key")
	if err != nil {
		return "", err
	}
	bundle, err := os.ReadFile(authorities)
	if err != nil {
		return "", err
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		return "", fmt.Errorf("%s holds no certificate", authorities)
	}
	for _, raw := range pair.Certificate[1:] {
		certificate, err := x509.ParseCertificate(raw)
		if err != nil {
			return "", err
		}
		between.AddCert(certificate)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return "", err
	}
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: between}); err != nil {
		return "", err
	}
	return leaf.SerialNumber.Text(16), nil
}
