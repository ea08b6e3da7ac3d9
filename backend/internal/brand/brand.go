// Package brand turns an organization's one brand colour into the colours its pages
// are painted with: a ramp of twelve steps for light and one for dark, grown in OKLCH
// (CSS Color Module Level 4 §9, conversion matrices by Björn Ottosson, public domain)
// and moved in lightness until the contrast of WCAG 2.2 holds for whatever colour was
// given.
//
// It is arithmetic only: where the colour is stored, and which page wears it, is
// decided elsewhere. Neutral and status colours are not derived from the brand; they
// are design tokens (web/asset/tokens.css).
package brand

import (
	"strconv"
	"strings"
)

// Default is the brand colour of an organization that chose none. The ramp of
// web/asset/tokens.css is grown from it.
const Default = "#0b6174"

// Style is a style sheet of custom properties. Only this package makes one, so a page may
// write it into a style element as it is.
type Style string

// Style overrides the brand ramp of web/asset/tokens.css, for light and for the system's
// dark mode. It holds hexadecimal colours only.
func (p Palette) Style() Style {
	var b strings.Builder
	b.WriteString(":root{--color-brand-source:")
	b.WriteString(p.Source.Hex())
	b.WriteByte(';')
	p.Light.write(&b)
	b.WriteString("}@media (prefers-color-scheme:dark){:root:not([data-theme=light]){")
	p.Dark.write(&b)
	b.WriteString("}}")
	return Style(b.String())
}

func (s Scheme) write(b *strings.Builder) {
	for i, c := range s.Steps {
		b.WriteString("--color-brand-")
		b.WriteString(strconv.Itoa(i + 1))
		b.WriteByte(':')
		b.WriteString(c.Hex())
		b.WriteByte(';')
	}
	b.WriteString("--color-brand-on:")
	b.WriteString(s.On.Hex())
}
