// The controller of cert-manager, composed from its released packages.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/cert-manager/cert-manager/cmd/platform/settings"
	config "github.com/cert-manager/cert-manager/internal/apis/config/controller"
	"github.com/cert-manager/cert-manager/internal/apis/config/controller/v1alpha1"
	_ "github.com/cert-manager/cert-manager/internal/controller/feature"
	"github.com/cert-manager/cert-manager/pkg/controller"
	"github.com/cert-manager/cert-manager/pkg/controller/configfile"
	"github.com/cert-manager/cert-manager/pkg/healthz"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/acme"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/vault"
	"github.com/cert-manager/cert-manager/pkg/server"
	utilfeature "github.com/cert-manager/cert-manager/pkg/util/feature"
)

const name = "cert-manager-controller"

func main() {
	document := configfile.New()
	if err := settings.Read(document, "ControllerConfiguration", os.Args[1:]); err != nil {
		settings.Fail(name, err)
	}
	given := document.Config
	flags := settings.Flags(&given.Logging)
	flags.StringVar(&given.ClusterResourceNamespace, "cluster-resource-namespace", given.ClusterResourceNamespace, "namespace of what ClusterIssuers refer to")
	flags.StringVar(&given.LeaderElectionConfig.Namespace, "leader-election-namespace", given.LeaderElectionConfig.Namespace, "namespace of the lease")
	flags.StringVar(&given.ACMEHTTP01Config.SolverImage, "acme-http01-solver-image", given.ACMEHTTP01Config.SolverImage, "image that answers ACME's challenges")
	flags.IntVar(&given.MaxConcurrentChallenges, "max-concurrent-challenges", given.MaxConcurrentChallenges, "challenges of ACME at once")
	_ = flags.Parse(os.Args[1:])
	settings.Main(name, &given.Logging, func(ctx context.Context) error { return run(ctx, given) })
}

// run serves health and metrics at once, and controls as long as it holds the lease.
func run(ctx context.Context, given *config.ControllerConfiguration) error {
	if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(given.FeatureGates); err != nil {
		return err
	}
	options, err := optionsOf(given)
	if err != nil {
		return err
	}
	// Whichever part fails ends the others.
	group, ctx := errgroup.WithContext(ctx)
	factory, err := controller.NewContextFactory(ctx, options)
	if err != nil {
		return err
	}
	base, err := factory.Build()
	if err != nil {
		return err
	}
	health := healthz.NewServer(given.LeaderElectionConfig.HealthzTimeout)
	listener, err := server.Listen(ctx, "tcp", given.HealthzListenAddress)
	if err != nil {
		return err
	}
	group.Go(func() error { return health.Start(ctx, listener) })
	group.Go(func() error {
		return lead(ctx, given, base, health, func(ctx context.Context) error { return control(ctx, given, factory, base) })
	})
	return group.Wait()
}

func optionsOf(given *config.ControllerConfiguration) (controller.ContextOptions, error) {
	solver := given.ACMEHTTP01Config
	quantities := make([]resource.Quantity, 0, 4)
	for _, text := range []string{
		solver.SolverResourceRequestCPU, solver.SolverResourceRequestMemory,
		solver.SolverResourceLimitsCPU, solver.SolverResourceLimitsMemory,
	} {
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			return controller.ContextOptions{}, fmt.Errorf("the ACME solver's resources: %q: %w", text, err)
		}
		quantities = append(quantities, quantity)
	}
	return controller.ContextOptions{
		Kubeconfig:         given.KubeConfig,
		KubernetesAPIQPS:   given.KubernetesAPIQPS,
		KubernetesAPIBurst: given.KubernetesAPIBurst,
		Namespace:          given.Namespace,
		IssuerOptions: controller.IssuerOptions{
			ClusterResourceNamespace:        given.ClusterResourceNamespace,
			ClusterIssuerAmbientCredentials: given.ClusterIssuerAmbientCredentials,
			IssuerAmbientCredentials:        given.IssuerAmbientCredentials,
		},
		ACMEOptions: controller.ACMEOptions{
			HTTP01SolverImage:                 solver.SolverImage,
			HTTP01SolverResourceRequestCPU:    quantities[0],
			HTTP01SolverResourceRequestMemory: quantities[1],
			HTTP01SolverResourceLimitsCPU:     quantities[2],
			HTTP01SolverResourceLimitsMemory:  quantities[3],
			ACMEHTTP01SolverRunAsNonRoot:      solver.SolverRunAsNonRoot,
			HTTP01SolverRuntimeClassName:      solver.SolverRuntimeClassName,
			HTTP01SolverNameservers:           solver.SolverNameservers,
			HTTP01SolverExtraLabels:           solver.SolverExtraLabels,
			DNS01Nameservers:                  given.ACMEDNS01Config.RecursiveNameservers,
			DNS01CheckAuthoritative:           !given.ACMEDNS01Config.RecursiveNameserversOnly,
			DNS01CheckRetryPeriod:             given.ACMEDNS01Config.CheckRetryPeriod,
		},
		IngressShimOptions: controller.IngressShimOptions{
			DefaultIssuerName:                 given.IngressShimConfig.DefaultIssuerName,
			DefaultIssuerKind:                 given.IngressShimConfig.DefaultIssuerKind,
			DefaultIssuerGroup:                given.IngressShimConfig.DefaultIssuerGroup,
			DefaultAutoCertificateAnnotations: given.IngressShimConfig.DefaultAutoCertificateAnnotations,
			ExtraCertificateAnnotations:       given.IngressShimConfig.ExtraCertificateAnnotations,
		},
		CertificateOptions: controller.CertificateOptions{
			EnableOwnerRef:                           given.EnableCertificateOwnerRef,
			CopiedAnnotationPrefixes:                 given.CopiedAnnotationPrefixes,
			CertificateRequestMinimumBackoffDuration: given.CertificateRequestMinimumBackoffDuration,
			CertificateRequestMaximumBackoffDuration: given.CertificateRequestMaximumBackoffDuration,
		},
		SchedulerOptions: controller.SchedulerOptions{MaxConcurrentChallenges: given.MaxConcurrentChallenges},
	}, nil
}

// lead does the work while this process holds the lease, and gives the lease back when it ends.
func lead(
	ctx context.Context, given *config.ControllerConfiguration, base *controller.Context, health *healthz.Server,
	work func(context.Context) error,
) error {
	lease := given.LeaderElectionConfig
	if !lease.Enabled {
		return work(ctx)
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	lock, err := resourcelock.New(
		resourcelock.LeasesResourceLock, lease.Namespace, "cert-manager-controller",
		base.Client.CoreV1(), base.Client.CoordinationV1(),
		resourcelock.ResourceLockConfig{Identity: host, EventRecorder: base.Recorder},
	)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var failed error
	done := make(chan struct{})
	close(done)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, Name: name, WatchDog: health.LeaderHealthzAdaptor, ReleaseOnCancel: true,
		LeaseDuration: lease.LeaseDuration, RenewDeadline: lease.RenewDeadline, RetryPeriod: lease.RetryPeriod,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				failed = work(ctx)
				stop()
			},
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return err
	}
	<-done
	elector.Run(ctx)
	return failed
}

// control runs the controllers until the context ends.
func control(ctx context.Context, given *config.ControllerConfiguration, factory *controller.ContextFactory, base *controller.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for controllerName, construct := range controller.Known() {
		if !enabled(given).Has(controllerName) {
			continue
		}
		made, err := construct(factory)
		if err != nil {
			return fmt.Errorf("%s: %w", controllerName, err)
		}
		group.Go(func() error { return made.Run(given.NumberOfConcurrentWorkers, ctx) })
	}
	listener, err := server.Listen(ctx, "tcp", given.MetricsListenAddress)
	if err != nil {
		return err
	}
	metrics := base.Metrics.NewServer(listener)
	group.Go(func() error {
		if err := metrics.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return metrics.Shutdown(ending)
	})
	base.SharedInformerFactory.Start(ctx.Done())
	base.KubeSharedInformerFactory.Start(ctx.Done())
	base.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	return group.Wait()
}

// enabled returns the controllers wanted: `*` are the usual ones, a name adds one, and `-name` takes it away.
func enabled(given *config.ControllerConfiguration) sets.Set[string] {
	wanted := sets.New[string]()
	for _, word := range given.Controllers {
		switch {
		case word == "*":
			wanted.Insert(v1alpha1.DefaultEnabledControllers...)
		case word[0] == '-':
			wanted.Delete(word[1:])
		default:
			wanted.Insert(word)
		}
	}
	// What is for the whole cluster is nobody's who works in one namespace.
	if given.Namespace != "" {
		wanted.Delete(v1alpha1.ClusterScopedControllers...)
	}
	return wanted
}
