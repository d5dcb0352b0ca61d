// The webhook of cert-manager, composed from its released packages.
package main

import (
	"context"
	"os"

	"github.com/go-logr/logr"

	"github.com/cert-manager/cert-manager/cmd/platform/settings"
	"github.com/cert-manager/cert-manager/internal/webhook"
	"github.com/cert-manager/cert-manager/internal/webhook/feature"
	utilfeature "github.com/cert-manager/cert-manager/pkg/util/feature"
	"github.com/cert-manager/cert-manager/pkg/webhook/configfile"
)

const name = "cert-manager-webhook"

func main() {
	document := configfile.New()
	if err := settings.Read(document, "WebhookConfiguration", os.Args[1:]); err != nil {
		settings.Fail(name, err)
	}
	given := document.Config
	flags := settings.Flags(&given.Logging)
	flags.Int32Var(&given.SecurePort, "secure-port", given.SecurePort, "port of the webhook")
	flags.StringVar(&given.MetricsListenAddress, "metrics-listen-address", given.MetricsListenAddress, "address of the metrics")
	dynamic := &given.TLSConfig.Dynamic
	flags.StringVar(&dynamic.SecretNamespace, "dynamic-serving-ca-secret-namespace", dynamic.SecretNamespace, "namespace of its authority's secret")
	flags.StringVar(&dynamic.SecretName, "dynamic-serving-ca-secret-name", dynamic.SecretName, "name of its authority's secret")
	flags.StringSliceVar(&dynamic.DNSNames, "dynamic-serving-dns-names", dynamic.DNSNames, "names it answers to")
	_ = flags.Parse(os.Args[1:])
	settings.Main(name, &given.Logging, func(ctx context.Context) error {
		if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(given.FeatureGates); err != nil {
			return err
		}
		server, err := webhook.NewCertManagerWebhookServer(logr.FromContextOrDiscard(ctx), *given)
		if err != nil {
			return err
		}
		return server.Run(ctx)
	})
}

// Its gates are known once the package is there.
var _ = feature.DisallowInsecureCSRUsageDefinition
