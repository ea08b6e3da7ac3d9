package admin

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/clavex/clavex/backend/internal/admin/api"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/mail"
	"github.com/clavex/clavex/backend/internal/mailserver"
	"github.com/clavex/clavex/backend/internal/store"
)

// trialPatience is how long somebody waits for what a mail server says.
const trialPatience = 15 * time.Second

// The faults of trying a mail server.
var (
	errNoMailServer = fault.New(fault.Conflict, "mail_server_not_found", "This organization has no mail server of its own. Save one first.")
	errNoAddress    = fault.New(fault.Conflict, "address_missing", "The mail would go to your own address, and you have none. Add one to your account first.")
)

// GetMailServer implements the operation getMailServer.
func (h handlers) GetMailServer(ginContext context.Context, _ api.GetMailServerRequestObject) (api.GetMailServerResponseObject, error) {
	call := callOf(ginContext)
	found, err := h.mailServers.Of(call.ctx, h.db, call.organization.ID)
	if err != nil {
		return nil, err
	}
	return api.GetMailServer200JSONResponse{Body: h.renderMailServer(found), Headers: api.GetMailServer200ResponseHeaders{ETag: etagOf(found.Version)}}, nil
}

// SetMailServer implements the operation setMailServer.
func (h handlers) SetMailServer(ginContext context.Context, request api.SetMailServerRequestObject) (api.SetMailServerResponseObject, error) {
	call, body := callOf(ginContext), *request.Body
	version, err := versionOrNone(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	wanted := mailserver.Server{OrgID: call.organization.ID, Host: body.Host, Port: body.Port, TLS: mail.TLSMode(or(body.Tls, "")), Username: or(body.Username, ""),
		From: body.From, ReplyTo: or(body.ReplyTo, ""), Version: version}
	var set *mailserver.Server
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		set, err = h.mailServers.Set(ctx, tx, call.by.Actor(), wanted, body.Password)
		return err
	})
	if err != nil {
		return nil, err
	}
	h.mailServers.Forget(call.organization.ID)
	return api.SetMailServer200JSONResponse{Body: h.renderMailServer(set), Headers: api.SetMailServer200ResponseHeaders{ETag: etagOf(set.Version)}}, nil
}

// RemoveMailServer implements the operation removeMailServer.
func (h handlers) RemoveMailServer(ginContext context.Context, request api.RemoveMailServerRequestObject) (api.RemoveMailServerResponseObject, error) {
	call := callOf(ginContext)
	version, err := versionOrNone(request.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	err = h.db.InTx(call.ctx, func(ctx context.Context, tx *store.Tx) error {
		return h.mailServers.Remove(ctx, tx, call.by.Actor(), call.organization.ID, version)
	})
	if err != nil {
		return nil, err
	}
	h.mailServers.Forget(call.organization.ID)
	return api.RemoveMailServer204Response{}, nil
}

// TestMailServer implements the operation testMailServer. Mail goes to the caller alone: nobody sends mail to others
// through it.
func (h handlers) TestMailServer(ginContext context.Context, _ api.TestMailServerRequestObject) (api.TestMailServerResponseObject, error) {
	call := callOf(ginContext)
	if call.by.User == nil || call.by.User.Email == "" {
		return nil, errNoAddress
	}
	sender, err := h.mailServers.Sender(call.ctx, call.organization.ID)
	if err != nil {
		return nil, err
	}
	if sender == nil {
		return nil, errNoMailServer
	}
	to := call.by.User.Email
	ctx, cancel := context.WithTimeout(call.ctx, trialPatience)
	defer cancel()
	err = sender.Send(ctx, mail.Trial(store.NewID().String(), to, call.organization.DisplayName))
	var failed *mail.Error
	switch {
	case err == nil:
		return api.TestMailServer200JSONResponse{Outcome: api.MailServerTestOutcomeSent, To: to, Message: "The mail server took the mail to " + to + "."}, nil
	case errors.As(err, &failed):
		code, words := api.MailServerTestError(failed.Code), failed.Words()
		answer := api.TestMailServer200JSONResponse{Outcome: api.MailServerTestOutcomeFailed, To: to, Error: &code, Message: strings.ToUpper(words[:1]) + words[1:] + "."}
		if failed.Reply != 0 {
			answer.Reply = &failed.Reply
		}
		return answer, nil
	}
	return nil, err
}

func (h handlers) renderMailServer(found *mailserver.Server) api.MailServer {
	rendered := api.MailServer{SendsBy: api.MailServerSendsByNobody, Version: found.Version}
	switch {
	case found.Version > 0:
		rendered.SendsBy = api.MailServerSendsByOrganization
		rendered.Server = &api.OwnMailServer{CreatedAt: found.CreatedAt, From: found.From, Host: found.Host, PasswordSet: found.Username != "", Port: found.Port, ReplyTo: optional(found.ReplyTo),
			Tls: api.MailServerTLS(found.TLS), UpdatedAt: found.UpdatedAt, Username: optional(found.Username)}
	case h.installationSends:
		rendered.SendsBy = api.MailServerSendsByInstallation
	}
	return rendered
}
