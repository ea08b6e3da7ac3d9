package account

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/grant"
	"github.com/clavex/clavex/backend/internal/mailqueue"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/terms"
	"github.com/clavex/clavex/backend/internal/trust"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// eventsAtOnce is how many audit events are read at once for the download.
const eventsAtOnce = 1000

// Everything is what is kept about a person, without secrets. Consents and grants are those of applications that exist.
type Everything struct {
	Organization  string               `json:"organization"`
	MadeAt        time.Time            `json:"made_at"`
	User          *user.User           `json:"user"`
	Roles         []role.Role          `json:"roles"`
	Password      *kept                `json:"password,omitempty"`          // never the password itself
	Authenticator *authenticator       `json:"authenticator_app,omitempty"` // never its secret
	Passkeys      []keptPasskey        `json:"passkeys"`
	Identities    []keptIdentity       `json:"identities"`        // accounts at identity providers, by which the person signs in
	Linked        []trust.Kept         `json:"linked_identities"` // the names under which trusted issuers know the person
	Addresses     []user.FormerAddress `json:"former_addresses"`
	Invitation    *keptInvitation      `json:"invitation,omitempty"`
	Terms         []terms.Acceptance   `json:"terms"`
	Sessions      []session.Kept       `json:"sessions"`
	Devices       []credential.Device  `json:"remembered_devices"`
	Consents      []consent            `json:"consents"`
	Grants        []grant.Kept         `json:"grants"`
	Mails         []mailqueue.Kept     `json:"mails"`
	Activity      []event              `json:"activity"`
}

// kept is a secret that exists, and since when.
type kept struct {
	Since  time.Time `json:"since"`
	ByLink bool      `json:"chosen_by_link"` // or by a mail
}

// authenticator is an authenticator app that exists.
type authenticator struct {
	AddedAt           time.Time `json:"added_at"`
	LastUsedAt        time.Time `json:"last_used_at"`
	RecoveryCodesLeft int       `json:"recovery_codes_left"`
}

type consent struct {
	ClientName string    `json:"client_name"`
	Scopes     []string  `json:"scopes"`
	Resources  []string  `json:"resources,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
}

// event is an audit event about the person. Of somebody else who did it, only what sort of actor it was: the rest is theirs.
type event struct {
	ID         uuid.UUID       `json:"id"`
	OccurredAt time.Time       `json:"occurred_at"`
	Action     string          `json:"action"`
	Outcome    audit.Outcome   `json:"outcome"`
	Actor      audit.ActorKind `json:"actor"`
	Address    string          `json:"address,omitempty"`
	UserAgent  string          `json:"user_agent,omitempty"`
	Before     json.RawMessage `json:"before,omitempty"`
	After      json.RawMessage `json:"after,omitempty"`
	Details    json.RawMessage `json:"details,omitempty"`
}

// keptInvitation is the last invitation of the person.
type keptInvitation struct {
	State      string    `json:"state"`
	Email      string    `json:"email"`
	SentAt     time.Time `json:"sent_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	AcceptedAt time.Time `json:"accepted_at,omitzero"`
}

func (v *visit) showData() {
	view := page.AccountData{OwnAccount: v.shell(), Form: v.hidden()}
	if v.mayDelete() {
		view.DeleteURL = v.address(pathDelete)
	}
	v.SignIn.Render(v.c, http.StatusOK, view)
}

// postData hands out everything that is kept about the person as a file.
func (v *visit) postData() {
	everything, err := v.everything()
	if err == nil {
		err = v.Audit.Record(v.ctx(), v.Store, v.organization.ID, audit.Event{Action: "user.data_downloaded", Actor: v.actor(), Target: user.Target(v.live.User)})
	}
	var encoded []byte
	if err == nil {
		encoded, err = json.MarshalIndent(everything, "", "  ")
	}
	if err != nil {
		v.SignIn.Error(v.c, err)
		return
	}
	v.c.Header("Cache-Control", "no-store")
	v.c.Header("X-Content-Type-Options", "nosniff")
	v.c.Header("Content-Disposition", `attachment; filename="`+v.organization.Slug+`-account.json"`)
	v.c.Data(http.StatusOK, "application/json", encoded)
}

func (v *visit) everything() (*Everything, error) {
	ctx, orgID, userID := v.ctx(), v.organization.ID, v.live.User.ID
	all := &Everything{Organization: v.organization.DisplayName, MadeAt: v.Now().UTC(), User: v.live.User}
	var err error
	if all.Roles, err = role.Of(ctx, v.Store, orgID, userID); err != nil {
		return nil, err
	}
	since, err := v.Passwords.Since(ctx, v.Store, orgID, userID)
	if err != nil {
		return nil, err
	}
	if !since.IsZero() {
		all.Password = &kept{Since: since}
		if all.Password.ByLink, err = v.Passwords.ByLink(ctx, v.Store, orgID, userID); err != nil {
			return nil, err
		}
	}
	if all.Passkeys, err = v.keptPasskeys(); err != nil {
		return nil, err
	}
	factor, err := v.SecondFactors.Of(ctx, v.Store, orgID, userID)
	if err != nil {
		return nil, err
	}
	if factor != nil {
		all.Authenticator = &authenticator{factor.AddedAt, factor.LastUsedAt, factor.CodesLeft}
	}
	if all.Sessions, err = v.Sessions.KeptOfUser(ctx, orgID, userID); err != nil {
		return nil, err
	}
	if all.Devices, err = v.Remembered.Of(ctx, v.Store, orgID, userID); err != nil {
		return nil, err
	}
	if all.Consents, err = v.consents(); err != nil {
		return nil, err
	}
	if all.Grants, err = v.Grants.KeptOfUser(ctx, orgID, userID); err != nil {
		return nil, err
	}
	if all.Mails, err = v.Mails.KeptOfUser(ctx, orgID, userID); err != nil {
		return nil, err
	}
	if err = v.others(all); err != nil {
		return nil, err
	}
	all.Activity, err = v.events()
	return all, err
}

// others reads what is kept of how the person came here, and of who knows them elsewhere.
func (v *visit) others(all *Everything) (err error) {
	ctx, orgID, userID := v.ctx(), v.organization.ID, v.live.User.ID
	if all.Identities, err = v.keptIdentities(); err != nil {
		return err
	}
	if all.Linked, err = v.Trusted.KeptOfUser(ctx, orgID, userID); err != nil {
		return err
	}
	if all.Addresses, err = v.Users.FormerAddresses(ctx, v.Store, orgID, userID); err != nil {
		return err
	}
	if all.Terms, err = v.Terms.OfUser(ctx, v.Store, orgID, userID); err != nil {
		return err
	}
	invitations, err := v.Invitations.Of(ctx, v.Store, orgID, userID)
	if invited, ok := invitations[userID]; err == nil && ok {
		all.Invitation = &keptInvitation{string(invited.State), invited.Email, invited.SentAt, invited.ExpiresAt, invited.AcceptedAt}
	}
	return err
}

func (v *visit) consents() ([]consent, error) {
	all, before := []consent{}, uuid.Max
	for {
		part, err := v.Grants.Consents(v.ctx(), v.organization.ID, v.live.User.ID, before, shownApplications)
		if err != nil {
			return nil, err
		}
		for _, one := range part {
			all = append(all, consent{one.ClientName, one.Scopes, one.Resources, one.CreatedAt, one.UpdatedAt})
			before = one.ID
		}
		if len(part) < shownApplications {
			return all, nil
		}
	}
}

func (v *visit) events() ([]event, error) {
	all, before := []event{}, uuid.Max
	for {
		part, err := v.Audit.OfPerson(v.ctx(), v.Store, v.organization.ID, v.live.User.ID, nil, before, eventsAtOnce)
		if err != nil {
			return nil, err
		}
		for _, record := range part {
			all = append(all, v.event(record))
			before = record.ID
		}
		if len(part) < eventsAtOnce {
			return all, nil
		}
	}
}

func (v *visit) event(record audit.Record) event {
	self := v.live.User.ID.String()
	one := event{ID: record.ID, OccurredAt: record.OccurredAt, Action: record.Action, Outcome: record.Outcome, Actor: record.Actor.Kind}
	if record.Actor.ID == self || record.Actor.Kind == audit.Anonymous {
		one.UserAgent = record.UserAgent
		if record.Address.IsValid() {
			one.Address = record.Address.String()
		}
	}
	if record.Target.Kind == "user" && record.Target.ID == self {
		one.Before, one.After, one.Details = record.Before, record.After, record.Details
	}
	return one
}
