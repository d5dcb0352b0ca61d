package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	certificates "k8s.io/api/certificates/v1"
)

// Hosts says which names and addresses each node may have in its certificate; the inventory's word.
type Hosts map[string][]string

var servingUsages = []certificates.KeyUsage{
	certificates.UsageDigitalSignature, certificates.UsageKeyEncipherment, certificates.UsageServerAuth,
}

// judge returns nil when the request is a kubelet asking for itself, and else the reason why not.
func judge(request *certificates.CertificateSigningRequest, hosts Hosts) error {
	spec := request.Spec
	node, isNode := strings.CutPrefix(spec.Username, "system:node:")
	if !isNode || !slices.Contains(spec.Groups, "system:nodes") {
		return fmt.Errorf("the requester %q is not a node", spec.Username)
	}
	allowed, known := hosts[node]
	if !known {
		return fmt.Errorf("the node %q is not in the inventory", node)
	}
	for _, usage := range spec.Usages {
		if !slices.Contains(servingUsages, usage) {
			return fmt.Errorf("the usage %q is not for serving", usage)
		}
	}
	if !slices.Contains(spec.Usages, certificates.UsageServerAuth) {
		return fmt.Errorf("the usage %q is missing", certificates.UsageServerAuth)
	}
	block, rest := pem.Decode(spec.Request)
	if block == nil || block.Type != "CERTIFICATE REQUEST" || len(rest) > 0 {
		return fmt.Errorf("the request is not one PEM certificate request")
	}
	parsed, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return fmt.Errorf("the request cannot be read: %w", err)
	}
	return judgeSubject(parsed, spec.Username, node, allowed)
}

func judgeSubject(parsed *x509.CertificateRequest, username, node string, allowed []string) error {
	if parsed.Subject.CommonName != username || !slices.Equal(parsed.Subject.Organization, []string{"system:nodes"}) {
		return fmt.Errorf("the subject %q is not the requester", parsed.Subject)
	}
	if len(parsed.EmailAddresses) > 0 || len(parsed.URIs) > 0 {
		return fmt.Errorf("mail addresses or URIs are asked for")
	}
	if len(parsed.DNSNames)+len(parsed.IPAddresses) == 0 {
		return fmt.Errorf("no name and no address is asked for")
	}
	for _, name := range parsed.DNSNames {
		if name != node && !slices.Contains(allowed, name) {
			return fmt.Errorf("the name %q is not the node's", name)
		}
	}
	for _, address := range parsed.IPAddresses {
		if !slices.Contains(allowed, address.String()) {
			return fmt.Errorf("the address %q is not the node's", address)
		}
	}
	return nil
}
