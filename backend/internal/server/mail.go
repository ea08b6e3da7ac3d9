package server

import (
	"context"
	"encoding/json"

	"github.com/clavex/clavex/backend/internal/config"
	"github.com/clavex/clavex/backend/internal/mail"
	"github.com/clavex/clavex/backend/internal/org"
)

// MailServer is the server that the configuration names.
func MailServer(cfg *config.Config) (*mail.SMTP, error) {
	roots, err := cfg.FetchRoots()
	if err != nil {
		return nil, err
	}
	return mail.NewSMTP(mail.Server{Host: cfg.MailHost, Port: cfg.MailPort, TLS: mail.TLSMode(cfg.MailTLS), Username: cfg.MailUsername, Password: cfg.MailPassword,
		From: cfg.MailFrom, ReplyTo: cfg.MailReplyTo, Roots: roots}), nil
}

// sender is what mail goes out by; nil when nobody said how.
func (a *App) sender(options Options) (mail.Sender, error) {
	switch {
	case options.Mail != nil:
		return options.Mail, nil
	case !a.Config.SendsMail():
		return nil, nil
	}
	return MailServer(a.Config)
}

// sendMail is the job of the queue, which is made after the jobs are.
func (a *App) sendMail(ctx context.Context, arguments json.RawMessage) error {
	return a.Mails.Deliver(ctx, arguments)
}

// signUpOpen reports whether people make their accounts at the organization themselves: it lets them, and they can be
// written to.
func (a *App) signUpOpen(ctx context.Context, organization *org.Organization) bool {
	return organization.Policies.SignUpPolicy() == org.SignUpOpen && a.Mails.Works(ctx, organization.ID)
}
