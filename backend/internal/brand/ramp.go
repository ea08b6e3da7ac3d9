package brand

import "math"

// Scheme is one mode (light or dark) of a palette. Steps counts from 0; the tokens
// count from 1, so Steps[8] is --color-brand-9.
//
//	1, 2    page and quiet background        3–5   component: rest, hover, pressed
//	6, 7    decorative borders               8     borders of controls, focus ring
//	9, 10   solid control: rest, hover       11    text and links    12    headings
//	On      text upon 9 and 10
type Scheme struct {
	Steps [12]Color
	On    Color
}

// Palette is what one brand colour becomes. Source is the colour as it was given, for
// decoration only: nothing is promised about its contrast.
type Palette struct {
	Source      Color
	Light, Dark Scheme
}

// The least contrast each role must reach (WCAG 2.2, 1.4.3 and 1.4.11). They lie a
// hair above the norm so that rounding elsewhere cannot break it.
const (
	textContrast    = 4.52
	headingContrast = 7.05
	controlContrast = 3.02
)

// mode describes how a scheme is grown: the wanted lightness of each step, the part
// of the brand's chroma it keeps, and the neutral surfaces of web/asset/tokens.css
// that the steps are put upon.
type mode struct {
	lightness, chroma [12]float64
	surfaces          []Color
	away              float64 // direction of lightness that raises contrast
	solidLow          float64 // the range from which the solid may start
	solidHigh         float64
	hover             float64 // distance of step 10 from step 9
}

var (
	white = Color{255, 255, 255}
	ink   = Color{11, 13, 18}
)

func lightMode() mode {
	return mode{
		lightness: [12]float64{.990, .978, .955, .930, .902, .868, .815, .640, 0, 0, .470, .290},
		chroma:    [12]float64{.03, .07, .14, .22, .30, .38, .50, .80, 1, 1, .90, .50},
		// neutral-1, -2, -3 and the white card
		surfaces: []Color{white, {252, 253, 253}, {247, 248, 250}, {241, 243, 245}},
		away:     -1, solidLow: 0.30, solidHigh: 0.72, hover: -0.05,
	}
}

func darkMode() mode {
	return mode{
		lightness: [12]float64{.170, .205, .250, .290, .330, .380, .445, .580, 0, 0, .800, .930},
		chroma:    [12]float64{.07, .09, .22, .36, .42, .46, .52, .72, .95, .95, .72, .25},
		// neutral-1, -2, -3; the card is neutral-2
		surfaces: []Color{{13, 16, 20}, {20, 23, 28}, {28, 31, 37}},
		away:     1, solidLow: 0.50, solidHigh: 0.90, hover: 0.05,
	}
}

// NewPalette grows the palette of a colour. Whatever the colour, in both modes:
// steps 11 and 12 reach 4.5 and 7 against every neutral surface and the brand's own
// steps 1 to 3; steps 8, 9 and 10 reach 3 against neutral and brand steps 1 and 2
// and the card; On reaches 4.5 against steps 9 and 10.
func NewPalette(c Color) Palette {
	return Palette{Source: c, Light: grow(c, lightMode()), Dark: grow(c, darkMode())}
}

func grow(c Color, m mode) Scheme {
	source := c.oklch()
	var s Scheme
	at := func(step int, lightness float64) Color {
		return oklch{lightness, source.c * m.chroma[step], source.h}.rgb()
	}
	for step := range 7 {
		s.Steps[step] = at(step, m.lightness[step])
	}
	quiet := append([]Color{s.Steps[0], s.Steps[1]}, m.surfaces[:len(m.surfaces)-1]...)
	all := append([]Color{s.Steps[0], s.Steps[1], s.Steps[2]}, m.surfaces...)
	move := func(step int, least float64, against []Color) {
		for l := m.lightness[step]; ; l += m.away * 0.004 {
			s.Steps[step] = at(step, l)
			if reaches(s.Steps[step], least, against) || l < 0 || l > 1 {
				return
			}
		}
	}
	move(7, controlContrast, quiet)
	move(10, textContrast, all)
	move(11, headingContrast, all)
	s.Steps[8], s.Steps[9], s.On = solid(at, m, source.l, quiet)
	return s
}

// solid finds the lightness nearest to the brand's own at which the button stands
// out from the page and its label from the button. White labels are preferred a
// little, because mid tones carry them better than the formula says.
func solid(at func(int, float64) Color, m mode, wanted float64, quiet []Color) (rest, hover, on Color) {
	wanted = math.Min(m.solidHigh, math.Max(m.solidLow, wanted))
	const step, preference = 0.004, 15 // 15 steps are a lightness of 0.06
	fits := func(label Color, l float64) bool {
		if l < 0 || l > 1 {
			return false
		}
		rest, hover = at(8, l), at(9, math.Min(1, math.Max(0, l+m.hover)))
		return Contrast(rest, label) >= textContrast && Contrast(hover, label) >= textContrast &&
			reaches(rest, controlContrast, quiet) && reaches(hover, controlContrast, quiet)
	}
	for i := range int(1/step) + preference {
		distance := float64(i) * step
		if fits(white, wanted-distance) || fits(white, wanted+distance) {
			return rest, hover, white
		}
		if i < preference {
			continue
		}
		distance -= preference * step
		if fits(ink, wanted-distance) || fits(ink, wanted+distance) {
			return rest, hover, ink
		}
	}
	// Not reached: white fits near one end in light, ink near the other in dark.
	return ink, ink, white
}

func reaches(c Color, least float64, against []Color) bool {
	for _, other := range against {
		if Contrast(c, other) < least {
			return false
		}
	}
	return true
}
