// The program that answers ACME's HTTP challenges for cert-manager, composed from its released packages.
package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/go-logr/logr"
	logsapi "k8s.io/component-base/logs/api/v1"

	"github.com/cert-manager/cert-manager/cmd/platform/settings"
	"github.com/cert-manager/cert-manager/pkg/issuer/acme/http/solver"
)

const name = "cert-manager-acmesolver"

func main() {
	log := logsapi.NewLoggingConfiguration()
	answers := &solver.HTTP01Solver{}
	flags := settings.Flags(log)
	flags.IntVar(&answers.ListenPort, "listen-port", 8089, "port to answer at")
	flags.StringVar(&answers.Domain, "domain", "", "domain that is asked for")
	flags.StringVar(&answers.Token, "token", "", "token of the challenge")
	flags.StringVar(&answers.Key, "key", "", "answer to the challenge")
	_ = flags.Parse(os.Args[1:])
	settings.Main(name, log, func(ctx context.Context) error {
		go func() {
			<-ctx.Done()
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			_ = answers.Shutdown(ending)
		}()
		if err := answers.Listen(logr.FromContextOrDiscard(ctx)); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
}
