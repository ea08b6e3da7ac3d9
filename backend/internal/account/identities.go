package account

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/identityprovider"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// errOnlyWay keeps the last way into an account.
var errOnlyWay = fault.New(fault.Conflict, "only_way_in", "It is the only way into your account. Choose a password or make a passkey first.")

// identityMethod is the part of the page about accounts elsewhere; nil where there are none, and none can be linked.
func (v *visit) identityMethod() (*page.Method, error) {
	linked, err := v.Providers.OfUser(v.ctx(), v.Store, v.organization.ID, v.live.User.ID)
	if err != nil {
		return nil, err
	}
	providers, err := v.Providers.Active(v.ctx(), v.organization.ID)
	if err != nil || len(linked) == 0 && len(providers) == 0 {
		return nil, err
	}
	state := v.words.T("method_identities_none")
	if len(linked) > 0 {
		state = v.words.Counted("method_identities", len(linked))
	}
	return &page.Method{ID: "method-identities", Title: v.words.T("account_identities"), State: state,
		Label: v.words.T("method_identities_manage"), URL: v.address(pathIdentities)}, nil
}

func (v *visit) showIdentities() { v.identities(http.StatusOK, nil) }

func (v *visit) identities(status int, problem *fault.Error) {
	linked, err := v.Providers.OfUser(v.ctx(), v.Store, v.organization.ID, v.live.User.ID)
	if err != nil {
		v.SignIn.Error(v.c, err)
		return
	}
	all, err := v.Providers.Of(v.ctx(), v.organization.ID)
	if err != nil {
		v.SignIn.Error(v.c, err)
		return
	}
	view := page.AccountIdentities{OwnAccount: v.shell(), Form: v.hidden(), BackURL: v.address(pathMethods), Fault: problem}
	names := map[uuid.UUID]string{}
	for _, provider := range all {
		if names[provider.ID] = provider.Name; provider.Status == identityprovider.Active {
			view.Providers = append(view.Providers, page.LinkableProvider{Alias: provider.Alias, Name: provider.Name})
		}
	}
	for _, one := range linked {
		shown := one.Name
		if shown == "" {
			shown = one.Subject
		}
		view.Linked = append(view.Linked, page.LinkedIdentity{ID: one.ID.String(), Provider: names[one.ProviderID], Name: shown, Since: v.moment(one.CreatedAt)})
	}
	v.SignIn.Render(v.c, status, view)
}

// postIdentities leads to a provider, to link an account there, or removes one that is linked.
func (v *visit) postIdentities() {
	if alias := v.form.Get("link"); alias != "" {
		required, _, err := v.requirement(v.ctx(), v.place, v.organization, v.live)
		if err == nil {
			err = v.SignIn.LinkElsewhere(v.c, v.organization, v.live, v.required(pathIdentities, required), alias)
		}
		if err != nil {
			v.failed(err, v.identities)
		}
		return
	}
	if err := v.unlink(v.form.Get("unlink")); err != nil {
		v.failed(err, v.identities)
		return
	}
	v.back(pathIdentities, "identity_removed")
}

func (v *visit) unlink(text string) error {
	id, err := uuid.Parse(text)
	if err != nil {
		return identityprovider.ErrIdentityNotFound
	}
	person := v.live.User
	return v.change(func(ctx context.Context, tx *store.Tx) error {
		removed, err := v.Providers.Unlink(ctx, tx, v.actor(), person.OrgID, person.ID, id)
		if err != nil {
			return err
		}
		if left, err := v.ways(ctx, tx, uuid.Nil); err != nil || !left.Any() {
			return cmp.Or(err, error(errOnlyWay))
		}
		provider, err := v.Providers.ByID(ctx, tx, person.OrgID, removed.ProviderID)
		if err != nil {
			return err
		}
		// Somebody may have come in by it.
		if err := v.Sessions.EndAll(ctx, tx, v.actor(), person.OrgID, person.ID, v.live.Session.ID, "account elsewhere removed"); err != nil {
			return err
		}
		return v.Letters.IdentityUnlinked(ctx, tx, v.organization, person, provider.Name)
	})
}

// keptIdentity is an account elsewhere in the download of a person's data.
type keptIdentity struct {
	Provider   string    `json:"identity_provider"`
	Issuer     string    `json:"issuer"`
	Subject    string    `json:"subject"`
	Name       string    `json:"name,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
}

func (v *visit) keptIdentities() ([]keptIdentity, error) {
	linked, err := v.Providers.OfUser(v.ctx(), v.Store, v.organization.ID, v.live.User.ID)
	if err != nil {
		return nil, err
	}
	all, err := v.Providers.Of(v.ctx(), v.organization.ID)
	kept := make([]keptIdentity, len(linked))
	for n, one := range linked {
		kept[n] = keptIdentity{Subject: one.Subject, Name: one.Name, CreatedAt: one.CreatedAt, LastUsedAt: one.LastUsedAt}
		if i := slices.IndexFunc(all, func(p *identityprovider.Provider) bool { return p.ID == one.ProviderID }); i >= 0 {
			kept[n].Provider, kept[n].Issuer = all[i].Name, all[i].Issuer
		}
	}
	return kept, err
}
