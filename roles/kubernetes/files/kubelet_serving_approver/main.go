// The kubelet serving approver approves the serving certificates that kubelets ask for, at their
// start and at each rotation, when name and addresses are those the inventory gives the node.
// Anything else is left pending and logged, for a person to judge.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	certificates "k8s.io/api/certificates/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// Pending requests are judged again this often: the list of hosts may have grown.
const resync = 20 * time.Second

type approver struct {
	client    kubernetes.Interface
	hostsFile string
}

func main() {
	hostsFile := flag.String("hosts", "/etc/approver/hosts.json", "names and addresses of each node, JSON")
	flag.Parse()
	if err := run(*hostsFile); err != nil {
		slog.Error("stopped", "error", err)
		os.Exit(1)
	}
}

func run(hostsFile string) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	work := approver{client: client, hostsFile: hostsFile}
	factory := informers.NewSharedInformerFactoryWithOptions(client, resync,
		informers.WithTweakListOptions(func(options *meta.ListOptions) {
			options.FieldSelector = "spec.signerName=" + certificates.KubeletServingSignerName
		}))
	informer := factory.Certificates().V1().CertificateSigningRequests().Informer()
	_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { work.handle(object) },
		UpdateFunc: func(_, object any) { work.handle(object) },
	})
	if err != nil {
		return err
	}
	ended, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	factory.Start(ended.Done())
	if !cache.WaitForCacheSync(ended.Done(), informer.HasSynced) {
		return fmt.Errorf("the API did not answer")
	}
	slog.Info("watching", "signer", certificates.KubeletServingSignerName)
	<-ended.Done()
	return nil
}

func (work approver) handle(object any) {
	request, ok := object.(*certificates.CertificateSigningRequest)
	if !ok || len(request.Status.Conditions) > 0 || request.Spec.SignerName != certificates.KubeletServingSignerName {
		return
	}
	hosts, err := readHosts(work.hostsFile)
	if err == nil {
		err = judge(request, hosts)
	}
	if err != nil {
		slog.Warn("left pending", "request", request.Name, "requester", request.Spec.Username, "reason", err)
		return
	}
	approved := request.DeepCopy()
	approved.Status.Conditions = append(approved.Status.Conditions, certificates.CertificateSigningRequestCondition{
		Type:    certificates.CertificateApproved,
		Status:  core.ConditionTrue,
		Reason:  "NodeAsksForItself",
		Message: "Names and addresses are those the inventory gives this node.",
	})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = work.client.CertificatesV1().CertificateSigningRequests().
		UpdateApproval(ctx, approved.Name, approved, meta.UpdateOptions{})
	if err != nil {
		slog.Warn("could not approve", "request", request.Name, "error", err)
		return
	}
	slog.Info("approved", "request", request.Name, "requester", request.Spec.Username)
}

func readHosts(path string) (Hosts, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	hosts := Hosts{}
	if err := json.Unmarshal(content, &hosts); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return hosts, nil
}
