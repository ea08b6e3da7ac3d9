package account

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// eventsOnPage is how many events a page of activity has.
const eventsOnPage = 25

// sentences say what happened, by the action of the audit log. Of events without a sentence people are told nothing here;
// the download of their data has them.
func (v *visit) sentences() map[string]string {
	w := v.words
	return map[string]string{
		"session.started":                    w.T("event_session_started"),
		"session.renewed":                    w.T("event_session_renewed"),
		"session.ended":                      w.T("event_session_ended"),
		"session.strayed":                    w.T("event_session_strayed"),
		"magic_link.used":                    w.T("event_magic_link_used"),
		"sign_in.failed":                     w.T("event_sign_in_failed"),
		"sign_in.slowed_down":                w.T("event_sign_in_slowed_down"),
		"credential.password_set":            w.T("event_password_set"),
		"credential.passkey_added":           w.T("event_passkey_added"),
		"credential.passkey_renamed":         w.T("event_passkey_renamed"),
		"credential.passkey_removed":         w.T("event_passkey_removed"),
		"credential.passkey_suspended":       w.T("event_passkey_suspended"),
		"credential.passkey_model_suspended": w.T("event_passkey_model_suspended"),
		"second_factor.added":                w.T("event_factor_added"),
		"second_factor.device_remembered":    w.T("event_device_remembered"),
		"second_factor.device_forgotten":     w.T("event_device_forgotten"),
		"second_factor.mail_code_sent":       w.T("event_mail_code_sent"),
		"second_factor.mail_code_used":       w.T("event_mail_code_used"),
		"second_factor.removed":              w.T("event_factor_removed"),
		"second_factor.failed":               w.T("event_factor_failed"),
		"second_factor.recovery_codes_made":  w.T("event_codes_made"),
		"second_factor.recovery_code_used":   w.T("event_code_used"),
		"one_time_link.created":              w.T("event_link_created"),
		"one_time_link.used":                 w.T("event_link_used"),
		"invitation.sent":                    w.T("event_invitation_sent"),
		"invitation.revoked":                 w.T("event_invitation_revoked"),
		"invitation.accepted":                w.T("event_invitation_accepted"),
		"user.email_verified":                w.T("event_email_verified"),
		"user.created":                       w.T("event_user_created"),
		"user.signed_up":                     w.T("event_user_signed_up"),
		"user.updated":                       w.T("event_user_updated"),
		"user.email_changed":                 w.T("event_email_changed"),
		"user.email_restored":                w.T("event_email_restored"),
		"identity.linked":                    w.T("event_identity_linked"),
		"identity.unlinked":                  w.T("event_identity_unlinked"),
		"identity.used":                      w.T("event_identity_used"),
		"terms.accepted":                     w.T("event_terms_accepted"),
		"terms.declined":                     w.T("event_terms_declined"),
		"user.erasure_requested":             w.T("event_erasure_requested"),
		"user.erasure_withdrawn":             w.T("event_erasure_withdrawn"),
		"credential.password_removed":        w.T("event_password_removed"),
		"user.roles_changed":                 w.T("event_roles_changed"),
		"user.data_downloaded":               w.T("event_data_downloaded"),
		"consent.granted":                    w.T("event_consent_granted"),
		"consent.withdrawn":                  w.T("event_consent_withdrawn"),
		"device_request.approved":            w.T("event_device_approved"),
		"backchannel_request.approved":       w.T("event_backchannel_approved"),
	}
}

func (v *visit) showActivity() {
	before, err := uuid.Parse(v.c.Query("before"))
	first := err != nil
	if first {
		before = uuid.Max
	}
	sentences := v.sentences()
	events, err := v.Audit.OfPerson(v.ctx(), v.Store, v.organization.ID, v.live.User.ID, slices.Sorted(maps.Keys(sentences)), before, eventsOnPage+1)
	if err != nil {
		v.SignIn.Error(v.c, err)
		return
	}
	view := page.AccountActivity{OwnAccount: v.shell()}
	if !first {
		view.NewestURL = v.address(pathActivity)
	}
	if len(events) > eventsOnPage {
		events = events[:eventsOnPage]
		view.OlderURL = v.address(pathActivity) + "?before=" + events[eventsOnPage-1].ID.String()
	}
	for _, event := range events {
		view.Events = append(view.Events, v.happened(event, sentences[event.Action]))
	}
	v.SignIn.Render(v.c, http.StatusOK, view)
}

// happened is an event as people read it. Of what others did they learn that it happened, not from where.
func (v *visit) happened(event audit.Record, sentence string) page.Happened {
	if surplus(event) {
		sentence = v.words.T("event_session_surplus")
	}
	shown := page.Happened{What: sentence, At: v.moment(event.OccurredAt), Problem: event.Outcome == audit.Failure}
	if name := v.application(event); name != "" {
		shown.What = v.words.T("event_application", "What", sentence, "Client", name)
	}
	switch {
	case event.Actor.ID == v.live.User.ID.String(), event.Actor.Kind == audit.Anonymous:
		shown.Where = v.words.Device(event.UserAgent)
		if event.Address.IsValid() {
			shown.Where += " · " + event.Address.String()
		}
	case event.Actor.Kind == audit.User, event.Actor.Kind == audit.Operator:
		shown.By = v.words.T("event_by_administrator")
	case event.Actor.Kind == audit.Client:
		shown.By = v.words.T("event_by_application")
	default:
		shown.By = v.words.T("event_by_itself")
	}
	return shown
}

// surplus reports whether a session ended because the person is signed in on more devices than allowed.
func surplus(event audit.Record) bool {
	var details struct {
		Reason string `json:"reason"`
	}
	return event.Action == "session.ended" && json.Unmarshal(event.Details, &details) == nil && details.Reason == session.ReasonSurplus
}

// application is what the client is called that an event is about, "" when it is about none or it is gone.
func (v *visit) application(event audit.Record) string {
	if event.Target.Kind != "client" {
		return ""
	}
	id, err := uuid.Parse(event.Target.ID)
	if err != nil {
		return ""
	}
	found, err := v.Clients.ByID(v.ctx(), v.Store, v.organization.ID, id)
	if err != nil {
		return ""
	}
	return found.Presentation(v.words.Language()).Name
}
