package org

import (
	"slices"
	"strings"

	"github.com/clavex/clavex/backend/internal/fault"
)

// ClientDocuments says whether clients may identify themselves by the address of a document that describes them (OAuth
// Client ID Metadata Documents) instead of being registered.
type ClientDocuments string

// The policies of metadata documents.
const (
	ClientDocumentsClosed ClientDocuments = "closed"
	ClientDocumentsOpen   ClientDocuments = "open"
)

// ClientDocumentPolicy is whether clients may describe themselves; closed unless the organization opened it.
func (p Policies) ClientDocumentPolicy() ClientDocuments {
	if p.ClientIDMetadataDocuments == "" {
		return ClientDocumentsClosed
	}
	return p.ClientIDMetadataDocuments
}

// AllowsClientDocumentAt reports whether a document may come from the host.
func (p Policies) AllowsClientDocumentAt(host string) bool {
	host = strings.ToLower(host)
	return len(p.ClientIDMetadataDocumentHosts) == 0 || slices.ContainsFunc(p.ClientIDMetadataDocumentHosts, func(allowed string) bool {
		domain, below := strings.CutPrefix(allowed, "*")
		return host == allowed || below && strings.HasSuffix(host, domain)
	})
}

func (p Policies) validateClientDocuments() error {
	if policy := p.ClientDocumentPolicy(); policy != ClientDocumentsClosed && policy != ClientDocumentsOpen {
		return fault.New(fault.Invalid, "client_documents_invalid", "Choose closed or open.").WithField("policies.client_id_metadata_documents")
	}
	const hosts = "policies.client_id_metadata_document_hosts"
	if len(p.ClientIDMetadataDocumentHosts) > maximumRules {
		return fault.New(fault.Invalid, "client_documents_invalid", "A list has at most 50 hosts.").WithField(hosts)
	}
	for _, host := range p.ClientIDMetadataDocumentHosts {
		if len(host) > 253 || !hostPattern.MatchString(host) {
			return fault.New(fault.Invalid, "client_documents_invalid",
				"Write a host in lower case, such as client.example.com, or *.example.com for every host below.").WithField(hosts)
		}
	}
	return nil
}
