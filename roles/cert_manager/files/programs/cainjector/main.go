// The part of cert-manager that writes authorities into webhooks and APIs, composed from its released packages.
package main

import (
	"context"
	"os"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apiext "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	kscheme "k8s.io/client-go/kubernetes/scheme"
	apireg "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/cert-manager/cert-manager/cmd/platform/settings"
	config "github.com/cert-manager/cert-manager/internal/apis/config/cainjector"
	"github.com/cert-manager/cert-manager/pkg/cainjector/configfile"
	cmscheme "github.com/cert-manager/cert-manager/pkg/client/clientset/versioned/scheme"
	"github.com/cert-manager/cert-manager/pkg/controller/cainjector"
	"github.com/cert-manager/cert-manager/pkg/util"
)

const name = "cert-manager-cainjector"

func main() {
	document := configfile.New()
	if err := settings.Read(document, "CAInjectorConfiguration", os.Args[1:]); err != nil {
		settings.Fail(name, err)
	}
	given := document.Config
	flags := settings.Flags(&given.Logging)
	flags.StringVar(&given.LeaderElectionConfig.Namespace, "leader-election-namespace", given.LeaderElectionConfig.Namespace, "namespace of the lease")
	flags.StringVar(&given.MetricsListenAddress, "metrics-listen-address", given.MetricsListenAddress, "address of the metrics")
	_ = flags.Parse(os.Args[1:])
	settings.Main(name, &given.Logging, func(ctx context.Context) error { return run(ctx, given) })
}

func run(ctx context.Context, given *config.CAInjectorConfiguration) error {
	ctrl.SetLogger(logr.FromContextOrDiscard(ctx))
	access, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	manager, err := ctrl.NewManager(util.RestConfigWithUserAgent(access, "cainjector"), optionsOf(given))
	if err != nil {
		return err
	}
	err = cainjector.RegisterAllInjectors(ctx, manager, cainjector.SetupOptions{
		Namespace:                    given.Namespace,
		IgnoreNamespaces:             given.IgnoreNamespaces,
		EnableCertificatesDataSource: given.EnableDataSourceConfig.Certificates,
		EnabledReconcilersFor: map[string]bool{
			cainjector.MutatingWebhookConfigurationName:   given.EnableInjectableConfig.MutatingWebhookConfigurations,
			cainjector.ValidatingWebhookConfigurationName: given.EnableInjectableConfig.ValidatingWebhookConfigurations,
			cainjector.APIServiceName:                     given.EnableInjectableConfig.APIServices,
			cainjector.CustomResourceDefinitionName:       given.EnableInjectableConfig.CustomResourceDefinitions,
		},
	})
	if err != nil {
		return err
	}
	return manager.Start(ctx)
}

func optionsOf(given *config.CAInjectorConfiguration) ctrl.Options {
	scheme := runtime.NewScheme()
	utilruntime.Must(kscheme.AddToScheme(scheme))
	utilruntime.Must(cmscheme.AddToScheme(scheme))
	utilruntime.Must(apiext.AddToScheme(scheme))
	utilruntime.Must(apireg.AddToScheme(scheme))
	lease := given.LeaderElectionConfig
	options := ctrl.Options{
		Scheme:                        scheme,
		LeaderElection:                lease.Enabled,
		LeaderElectionID:              "cert-manager-cainjector-leader-election",
		LeaderElectionNamespace:       lease.Namespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &lease.LeaseDuration,
		RenewDeadline:                 &lease.RenewDeadline,
		RetryPeriod:                   &lease.RetryPeriod,
		Metrics:                       metricsserver.Options{BindAddress: given.MetricsListenAddress},
		// Secrets are asked for one by one; only their metadata is kept.
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
	}
	if given.Namespace != "" {
		options.Cache = cache.Options{DefaultNamespaces: map[string]cache.Config{given.Namespace: {}}}
	}
	return options
}
