// Package controllers stands in for the module of the same path, which the module proxy does not
// hold. Cilium reads one annotation's name from it, for multi-cluster services, which stay off.
package controllers

// DerivedServiceAnnotation names the service derived from an import.
const DerivedServiceAnnotation = "multicluster.kubernetes.io/derived-service"
