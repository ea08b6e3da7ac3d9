package customdomain

import (
	"context"
	"errors"
	"strings"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/store"
)

// Whoever moves an organization to a host that leads elsewhere, or whose certificate does not name it, locks everybody out, the
// administrator included. So the host is asked first whether it is this server.

// ReachPath is where a host of ours answers what its record says, wherever its organization is.
const ReachPath = "/.well-known/clavex-domain"

// ErrUnreached says that a host does not lead to this server, as far as that can be seen from here.
var ErrUnreached = fault.New(fault.Conflict, "domain_unreached", "This host does not lead to this server.")

// Answer is what a host of ours answers at ReachPath. ErrNotFound.
func (d *Domains) Answer(ctx context.Context, host string) (string, error) {
	found, err := d.owner(ctx, host)
	if err != nil {
		return "", err
	}
	return valuePrefix + found.token, nil
}

// Reachable judges whether the host that an organization wants to move to leads to this server; originOf says under which
// address that is. Asked are hosts that it proved; the one at which it is already, and what else no organization can move
// to, are Move's to judge. It holds no transaction. ErrUnreached, whose message says why.
func (d *Domains) Reachable(ctx context.Context, db store.DB, organization *org.Organization, host string, originOf func(host string) string) error {
	if host == "" || host == organization.Domain {
		return nil
	}
	domains, err := d.Of(ctx, db, organization.ID)
	if err != nil {
		return err
	}
	for _, domain := range domains {
		if domain.Host == host && !domain.VerifiedAt.IsZero() {
			return d.Reached(ctx, originOf(host), domain)
		}
	}
	return nil
}

// Reached asks the origin of a domain, over the network as browsers do, whether it is this server. It holds no transaction.
// ErrUnreached, whose message says why.
func (d *Domains) Reached(ctx context.Context, origin string, domain Domain) error {
	response, err := d.fetch.Get(ctx, fetch.Request{URL: origin + ReachPath, MaximumBytes: 1 << 10})
	switch {
	case fault.IsKind(err, fault.RateLimited), errors.Is(err, fetch.ErrBusy):
		return err
	case errors.Is(err, fetch.ErrRedirect):
		return ErrUnreached.WithMessage("%s leads to another server, which answers with a redirect.", origin).WithCause(err)
	case err != nil:
		return ErrUnreached.WithMessage("%s does not lead to this server, as far as that can be seen from it: %s (an address that is not public has to be among fetch_allowed_networks)", origin, fault.From(err).Message).WithCause(err)
	}
	if strings.TrimSpace(string(response.Body)) != domain.Record.Value {
		return ErrUnreached.WithMessage("%s leads to another server.", origin)
	}
	return nil
}
