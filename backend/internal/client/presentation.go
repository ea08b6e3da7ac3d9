package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fetch"
	"github.com/clavex/clavex/backend/internal/picture"
)

// ErrLogo says that what stands at a client's logo_uri cannot be shown.
var ErrLogo = fault.New(fault.Invalid, "client_logo_invalid", "A logo is a PNG, JPEG or WebP picture of at most 256 KiB and 2048 pixels a side.").WithField("logo_uri")

// Presentation is what a client says of itself to people, in one language. What it did not register is "".
type Presentation struct {
	Name      string
	LogoURI   string
	PolicyURI string
	TermsURI  string
}

// Presentation is the client in the language, a BCP 47 tag, and without a language tag where it did not register that
// one (OpenID Connect Dynamic Client Registration 1.0 §2.1).
func (c *Client) Presentation(language string) Presentation {
	in := func(member, otherwise string) string { return c.Metadata.In(member, otherwise, []string{language}) }
	return Presentation{Name: in("client_name", c.Name), LogoURI: in("logo_uri", c.LogoURI),
		PolicyURI: in("policy_uri", c.PolicyURI), TermsURI: in("tos_uri", c.TermsURI)}
}

// LogoKey stands for a logo_uri in addresses of ours: 32 hexadecimal digits. Another logo_uri has another one.
func LogoKey(logoURI string) string {
	sum := sha256.Sum256([]byte(logoURI))
	return hex.EncodeToString(sum[:16])
}

// LogoURIOf is the logo_uri, in whatever language, that the key stands for; "" when the client registered none such.
func (c *Client) LogoURIOf(key string) string {
	if c.LogoURI != "" && LogoKey(c.LogoURI) == key {
		return c.LogoURI
	}
	for _, name := range slices.Sorted(maps.Keys(c.Metadata.Localized)) {
		if uri := c.Metadata.Localized[name]; strings.HasPrefix(name, "logo_uri#") && LogoKey(uri) == key {
			return uri
		}
	}
	return ""
}

// Logo is a picture as it is served.
type Logo struct {
	MediaType string
	Content   []byte
}

const (
	logoMemory    = 16 << 20 // of fetched logos, bytes
	logoRedirects = 3        // picture services like to answer with one
)

// Logos finds the logos of clients at their logo_uri, from where they are kept for as long as the client's server says,
// within bounds, so that neither people's browsers nor their addresses are known there. It is safe for concurrent use.
type Logos struct{ documents *fetch.Documents[Logo] }

// NewLogos makes the directory of clients' logos.
func NewLogos(client *fetch.Client, now func() time.Time) *Logos {
	return &Logos{fetch.NewDocuments(client, now, logoMemory, fetch.Policy[Logo]{
		Request:  fetch.Request{ContentTypes: picture.Types(), MaximumBytes: picture.MaximumBytes, Redirects: logoRedirects},
		Parse:    parseLogo,
		Lifetime: time.Hour, Shortest: 10 * time.Minute, Longest: 24 * time.Hour, StaleIfError: 7 * 24 * time.Hour,
		FirstRetry: time.Minute, LastRetry: time.Hour,
	})}
}

// Get returns the picture at a registered logo_uri. The error is a fault: ErrLogo, or one of package fetch.
func (l *Logos) Get(ctx context.Context, logoURI string) (Logo, error) {
	return l.documents.Get(ctx, logoURI)
}

func parseLogo(response *fetch.Response) (Logo, error) {
	mediaType, ok := picture.MediaType(response.Body)
	if !ok {
		return Logo{}, ErrLogo
	}
	return Logo{MediaType: mediaType, Content: response.Body}, nil
}
