package brand

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/fault"
)

// cube is every colour of a grid over sRGB, corners included, so white, black, pure and
// murky colours are all in it.
func cubeOfColors(step int) []Color {
	var all []Color
	for r := 0; r < 256; r += step {
		for g := 0; g < 256; g += step {
			for b := 0; b < 256; b += step {
				all = append(all, Color{uint8(r), uint8(g), uint8(b)})
			}
		}
	}
	return all
}

func TestContrastHoldsForEveryColor(t *testing.T) {
	t.Parallel()
	colors := append(cubeOfColors(17), Color{255, 238, 0}, Color{119, 119, 119}, Color{118, 118, 118})
	for _, c := range colors {
		p := NewPalette(c)
		checkScheme(t, c, "light", p.Light, lightMode().surfaces)
		checkScheme(t, c, "dark", p.Dark, darkMode().surfaces)
		if t.Failed() {
			return
		}
	}
}

func checkScheme(t *testing.T, source Color, name string, s Scheme, surfaces []Color) {
	t.Helper()
	expect := func(what string, a, b Color, least float64) {
		if got := Contrast(a, b); got < least {
			t.Errorf("%s %s: %s %s on %s has %.2f, needs %.1f", source.Hex(), name, what, a.Hex(), b.Hex(), got, least)
		}
	}
	all := append([]Color{s.Steps[0], s.Steps[1], s.Steps[2]}, surfaces...)
	for _, surface := range all {
		expect("link", s.Steps[10], surface, 4.5)
		expect("heading", s.Steps[11], surface, 7)
	}
	quiet := append([]Color{s.Steps[0], s.Steps[1]}, surfaces[:len(surfaces)-1]...)
	for _, surface := range quiet {
		expect("border", s.Steps[7], surface, 3)
		expect("button", s.Steps[8], surface, 3)
		expect("pressed button", s.Steps[9], surface, 3)
	}
	expect("label", s.On, s.Steps[8], 4.5)
	expect("label on hover", s.On, s.Steps[9], 4.5)
}

func TestABrandThatAlreadyHoldsIsKept(t *testing.T) {
	t.Parallel()
	for _, text := range []string{Default, "#1d4ed8", "#7a1f3d"} {
		c, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := NewPalette(c).Light.Steps[8]; Contrast(got, c) > 1.05 {
			t.Errorf("%s became %s though its contrast was good", text, got.Hex())
		}
	}
}

func TestContrastOfKnownPairs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want float64
	}{
		{"#000", "#fff", 21}, {"#fff", "#fff", 1}, {"#777777", "#ffffff", 4.48}, {"#767676", "#ffffff", 4.54}, {"#ff0000", "#ffffff", 4.00},
	} {
		a, _ := Parse(test.a)
		b, _ := Parse(test.b)
		if got := Contrast(a, b); got < test.want-0.01 || got > test.want+0.01 {
			t.Errorf("Contrast(%s, %s) = %.3f, want %.2f", test.a, test.b, got, test.want)
		}
	}
}

// CSS Color 4 gives oklch(62.796% 0.25768 29.234) for red.
func TestOKLCH(t *testing.T) {
	t.Parallel()
	got := Color{255, 0, 0}.oklch()
	near := func(a, b float64) bool { return a-b < 0.0005 && b-a < 0.0005 }
	if !near(got.l, 0.62796) || !near(got.c, 0.25768) || !near(got.h, 29.234*3.14159265/180) {
		t.Errorf("red is %+v", got)
	}
	for _, c := range cubeOfColors(51) {
		if back := c.oklch().rgb(); back != c {
			t.Errorf("%s came back as %s", c.Hex(), back.Hex())
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Color{"#0b6174": {11, 97, 116}, "#FFEE00": {255, 238, 0}, "#fe0": {255, 238, 0}} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("Parse(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "#", "red", "#12", "#1234", "#12345", "#1234567", "#ggg", "#+12345", "#-1a", "0b6174", "#0b6174;}", "#é12", "rgb(1,2,3)"} {
		if _, err := Parse(text); !fault.IsKind(err, fault.Invalid) {
			t.Errorf("Parse(%q) = %v, want an invalid fault", text, err)
		}
	}
}

func TestStyleHoldsNothingButColors(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^[a-z0-9:;#{}()@\[\]=\- ]+$`)
	for _, c := range cubeOfColors(85) {
		if css := string(NewPalette(c).Style()); !shape.MatchString(css) || strings.Contains(css, "<") {
			t.Fatalf("unexpected characters in %q", css)
		}
	}
}

// The token file is written by hand; this keeps it honest.
func TestTokensAgree(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../web/asset/tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(content), "\n}\n")
	light := declarations(blocks[0])
	system, chosen := declarations(blocks[1]), declarations(blocks[2])
	if len(system) == 0 || len(system) != len(chosen) {
		t.Fatalf("the two dark palettes have %d and %d tokens", len(system), len(chosen))
	}
	for name, value := range system {
		if chosen[name] != value {
			t.Errorf("dark %s is %s by system and %s by choice", name, value, chosen[name])
		}
	}
	c, _ := Parse(Default)
	p := NewPalette(c)
	for name, mode := range map[string]struct {
		tokens   map[string]string
		scheme   Scheme
		surfaces []Color
	}{"light": {light, p.Light, lightMode().surfaces}, "dark": {system, p.Dark, darkMode().surfaces}} {
		t.Run(name, func(t *testing.T) { checkTokens(t, mode.tokens, mode.scheme, mode.surfaces) })
	}
}

func declarations(block string) map[string]string {
	found := map[string]string{}
	for _, m := range regexp.MustCompile(`--([a-z0-9-]+): ([^;]+);`).FindAllStringSubmatch(block, -1) {
		found[m[1]] = m[2]
	}
	return found
}

func checkTokens(t *testing.T, tokens map[string]string, scheme Scheme, surfaces []Color) {
	color := func(name string) Color {
		value := tokens["color-"+name]
		if inner, ok := strings.CutPrefix(value, "var(--color-"); ok {
			value = tokens["color-"+strings.TrimSuffix(inner, ")")]
		}
		c, err := Parse(value)
		if err != nil {
			t.Fatalf("--color-%s is %q", name, value)
		}
		return c
	}
	expect := func(a, b string, least float64) {
		if got := Contrast(color(a), color(b)); got < least {
			t.Errorf("--color-%s on --color-%s has %.2f, needs %.1f", a, b, got, least)
		}
	}
	for i, name := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"} {
		if got := color("brand-" + name); got != scheme.Steps[i] {
			t.Errorf("--color-brand-%s is %s, the ramp says %s", name, got.Hex(), scheme.Steps[i].Hex())
		}
	}
	if color("brand-on") != scheme.On {
		t.Errorf("--color-brand-on is %s, the ramp says %s", color("brand-on").Hex(), scheme.On.Hex())
	}
	for _, name := range []string{"neutral-1", "neutral-2", "neutral-3", "card", "page", "field"} {
		surface, known := color(name), false
		for _, s := range surfaces {
			known = known || s == surface
		}
		if !known {
			t.Errorf("--color-%s %s is not among the surfaces that package brand measures against", name, surface.Hex())
		}
		expect("neutral-11", name, 4.5)
		expect("neutral-12", name, 7)
		expect("neutral-8", name, 3)
		for _, status := range []string{"success", "warning", "danger", "info"} {
			expect(status, name, 4.5)
		}
	}
	for _, status := range []string{"success", "warning", "danger", "info"} {
		expect(status, status+"-surface", 4.5)
		expect(status+"-on", status+"-solid", 4.5)
		expect(status+"-solid", "card", 3)
	}
	// Quiet text of the hosted pages stands on the brand's page.
	for _, c := range cubeOfColors(51) {
		p := NewPalette(c)
		s := p.Light
		if color("neutral-1").luminance() < 0.5 {
			s = p.Dark
		}
		if got := Contrast(color("neutral-11"), s.Steps[1]); got < 4.5 {
			t.Errorf("quiet text on the page of %s has %.2f", c.Hex(), got)
		}
	}
}

func BenchmarkStyle(b *testing.B) {
	c := Color{255, 238, 0}
	for b.Loop() {
		_ = NewPalette(c).Style()
	}
}

func TestStyles(t *testing.T) {
	t.Parallel()
	var styles Styles
	first := styles.Of("#ffee00")
	if first == "" || styles.Of("#ffee00") != first {
		t.Error("the style of a colour is not stable")
	}
	if styles.Of("") != "" || styles.Of("</style>") != "" {
		t.Error("an unreadable colour has a style")
	}
	for i := range 3 * maxStyles / 2 {
		styles.Of(Color{uint8(i), uint8(i >> 8), 7}.Hex())
	}
	if len(styles.known) > maxStyles {
		t.Errorf("%d styles are kept", len(styles.known))
	}
}
