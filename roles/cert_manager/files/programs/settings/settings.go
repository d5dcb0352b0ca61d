// Package settings reads what the chart gives a program: a file of settings, and arguments which go before it.
package settings

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/klog/v2"

	"github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/cert-manager/cert-manager/pkg/util/configfile"
)

// File is the document of one program's settings.
type File interface {
	configfile.ConfigFile
}

// Read fills the document with its defaults and with what the file named by --config says. The other arguments are
// parsed afterwards, by the caller, because they go before the file.
func Read(document File, kind string, arguments []string) error {
	// Of all arguments only this one is wanted here.
	first := pflag.NewFlagSet("first", pflag.ContinueOnError)
	first.ParseErrorsAllowlist.UnknownFlags = true
	path := first.String("config", "", "")
	if err := first.Parse(arguments); err != nil && err != pflag.ErrHelp {
		return err
	}
	if *path == "" {
		// In lines, not in braces: those would be taken for JSON.
		defaults := fmt.Sprintf("apiVersion: %s\nkind: %s\n", groupOf(kind), kind)
		return document.DecodeAndConfigure([]byte(defaults))
	}
	loader, err := configfile.NewConfigurationFSLoader(nil, *path)
	if err != nil {
		return err
	}
	return loader.Load(document)
}

// Flags returns a set of arguments that knows --config and those of the log.
func Flags(log *logsapi.LoggingConfiguration) *pflag.FlagSet {
	flags := pflag.NewFlagSet(os.Args[0], pflag.ExitOnError)
	flags.String("config", "", "file of settings, which the other arguments go before")
	logs.AddFlags(log, flags)
	return flags
}

// Main runs a program until it ends or is told to end, and exits with 1 when it fails.
func Main(name string, log *logsapi.LoggingConfiguration, run func(context.Context) error) {
	logs.InitLogs()
	defer logs.FlushLogs()
	if err := logs.ValidateAndApply(log); err != nil {
		Fail(name, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx = logr.NewContext(ctx, klog.Background().WithName(name))
	if err := run(ctx); err != nil {
		logs.FlushLogs()
		Fail(name, err)
	}
}

// Fail says why, and exits with 1.
func Fail(name string, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	os.Exit(1)
}

func groupOf(kind string) string {
	groups := map[string]string{
		"ControllerConfiguration": "controller",
		"CAInjectorConfiguration": "cainjector",
		"WebhookConfiguration":    "webhook",
	}
	return groups[kind] + ".config.cert-manager.io/v1alpha1"
}
