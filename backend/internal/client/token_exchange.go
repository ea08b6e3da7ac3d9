package client

import "slices"

// TokenExchangePolicy says which tokens a client may exchange for which (RFC 8693). Administrators write it.
type TokenExchangePolicy struct {
	SubjectClients []string `json:"subject_clients"` // client_ids whose access tokens it may present; its own: ID tokens, too
	Audiences      []string `json:"audiences"`       // for whom it may get tokens: values of audience and resource
	// SubjectAudiences are for whom the presented tokens may be meant beside the issuer and the client itself: the resource
	// servers that the client is.
	SubjectAudiences []string `json:"subject_audiences,omitempty"`
	Delegation       bool     `json:"delegation,omitempty"`
}

// maximumAudienceBytes bounds the name of an audience.
const maximumAudienceBytes = 2000

func (c *Client) validateTokenExchange() error {
	policy := c.Metadata.TokenExchange
	if c.MayUse(TokenExchange) && c.Public() {
		return invalid("grant_types", "A public client cannot exchange tokens: it has nothing to prove itself with.")
	}
	if policy == nil {
		return nil
	}
	for _, list := range []struct {
		field  string
		values []string
		most   int
		least  int
	}{{"token_exchange.subject_clients", policy.SubjectClients, 200, 1}, {"token_exchange.audiences", policy.Audiences, maximumAudienceBytes, 1},
		{"token_exchange.subject_audiences", policy.SubjectAudiences, maximumAudienceBytes, 0}} {
		if len(list.values) < list.least || len(list.values) > maxListed || hasDuplicates(list.values) {
			return invalid(list.field, "Name %d to %d, each once.", list.least, maxListed)
		}
		if slices.ContainsFunc(list.values, func(value string) bool { return value == "" || len(value) > list.most || !visibleASCII(value) }) {
			return invalid(list.field, "A name consists of 1 to %d visible ASCII characters.", list.most)
		}
	}
	return nil
}
