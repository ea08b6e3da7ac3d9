package org

import "github.com/clavex/clavex/backend/internal/fault"

// MagicLinks says whether people sign in by a link or code of a mail.
type MagicLinks string

// The policies of signing in by mail.
const (
	MagicLinksOff MagicLinks = "off"
	MagicLinksOn  MagicLinks = "on" // whoever reads the mail of an account signs in
)

// MagicLinkPolicy is whether people sign in by mail; they do not unless the organization switched it on.
func (p Policies) MagicLinkPolicy() MagicLinks {
	if p.MagicLinks == "" {
		return MagicLinksOff
	}
	return p.MagicLinks
}

// SignsInByMail reports whether people sign in by mail. Never at the system organization: one mailbox would open every
// organization.
func (o *Organization) SignsInByMail() bool {
	return o.Policies.MagicLinkPolicy() == MagicLinksOn && o.Slug != SystemSlug
}

func (o *Organization) validateMagicLinks() error {
	switch policy := o.Policies.MagicLinkPolicy(); {
	case policy != MagicLinksOff && policy != MagicLinksOn:
		return fault.New(fault.Invalid, "magic_links_invalid", "Choose on or off.").WithField("policies.magic_links")
	case policy == MagicLinksOn && o.Slug == SystemSlug:
		return fault.New(fault.Invalid, "magic_links_invalid", "Nobody signs in by mail at the organization of the platform's administrators.").WithField("policies.magic_links")
	}
	return nil
}
