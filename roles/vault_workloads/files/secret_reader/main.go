// Reads one secret out of a Vault by the service account it runs as, which is how verification uses the Vault.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// refused is what the Vault says to who may not.
var refused = errors.New("refused")

func main() {
	address := flag.String("address", "", "where the Vault answers, https://HOST:PORT")
	authority := flag.String("authority", "/etc/vault/ca.crt", "file of who the Vault is known by")
	token := flag.String("token", "/var/run/secrets/vault/token", "file of the service account's token")
	role := flag.String("role", "", "account of the Vault to log in with")
	path := flag.String("path", "", "path of the secret's data")
	attempts := flag.Int("attempts", 10, "how often to ask a Vault that does not answer, one second apart")
	flag.Parse()
	var value string
	var err error
	for attempt := 0; attempt < *attempts; attempt++ {
		if value, err = readSecret(*address, *authority, *token, *role, *path); err == nil || errors.Is(err, refused) {
			break
		}
		time.Sleep(time.Second)
	}
	switch {
	case err == nil:
		fmt.Println("value " + value)
	case errors.Is(err, refused):
		// Not a failure: being refused is an answer, too.
		fmt.Println(err)
	default:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// readSecret logs in with the token in a file and returns the field `value` of a secret.
func readSecret(address, authorityFile, tokenFile, role, path string) (string, error) {
	authority, err := os.ReadFile(authorityFile)
	if err != nil {
		return "", err
	}
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return "", err
	}
	known := x509.NewCertPool()
	if !known.AppendCertsFromPEM(authority) {
		return "", fmt.Errorf("%s holds no certificate", authorityFile)
	}
	client := &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: known, MinVersion: tls.VersionTLS13}},
	}
	var entered struct {
		Auth struct {
			ClientToken string `json:"client_token"`
		} `json:"auth"`
	}
	given, err := json.Marshal(map[string]string{"role": role, "jwt": strings.TrimSpace(string(token))})
	if err != nil {
		return "", err
	}
	login, err := http.NewRequest(http.MethodPost, address+"/v1/auth/kubernetes/login", bytes.NewReader(given))
	if err != nil {
		return "", err
	}
	if err := ask(client, login, &entered); err != nil {
		return "", fmt.Errorf("login: %w", err)
	}
	var secret struct {
		Data struct {
			Data struct {
				Value string `json:"value"`
			} `json:"data"`
		} `json:"data"`
	}
	read, err := http.NewRequest(http.MethodGet, address+"/v1/"+path, nil)
	if err != nil {
		return "", err
	}
	read.Header.Set("X-Vault-Token", entered.Auth.ClientToken)
	if err := ask(client, read, &secret); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return secret.Data.Data.Value, nil
}

// ask sends a request and decodes the answer.
func ask(client *http.Client, request *http.Request, answer any) error {
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	switch {
	case response.StatusCode == http.StatusForbidden:
		return refused
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s", response.Status, bytes.TrimSpace(body))
	}
	return json.Unmarshal(body, answer)
}
