package brand

import (
	"fmt"
	"math"
	"strconv"

	"github.com/clavex/clavex/backend/internal/fault"
)

// Color is an opaque sRGB colour with 8 bits per channel: what a browser will
// paint, and therefore what contrast is measured on.
type Color struct{ R, G, B uint8 }

// Parse reads #rgb or #rrggbb, in either case. Anything else is a
// fault.Invalid with code "brand_color_invalid", so a colour that passed Parse can
// be written into a style sheet without further escaping.
func Parse(s string) (Color, error) {
	if len(s) == 4 && s[0] == '#' {
		s = string([]byte{'#', s[1], s[1], s[2], s[2], s[3], s[3]})
	}
	if len(s) != 7 || s[0] != '#' {
		return Color{}, errColor()
	}
	v, err := strconv.ParseUint(s[1:], 16, 32)
	if err != nil {
		return Color{}, errColor()
	}
	return Color{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v)}, nil
}

// Hex is the colour as #rrggbb.
func (c Color) Hex() string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// Contrast is the contrast ratio of WCAG 2.2, from 1 (equal) to 21 (black on white).
func Contrast(a, b Color) float64 {
	la, lb := a.luminance(), b.luminance()
	return (math.Max(la, lb) + 0.05) / (math.Min(la, lb) + 0.05)
}

// luminance is the relative luminance of WCAG 2.2, from 0 to 1.
func (c Color) luminance() float64 {
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

func linear(v uint8) float64 {
	f := float64(v) / 255
	if f <= 0.04045 {
		return f / 12.92
	}
	return math.Pow((f+0.055)/1.055, 2.4)
}

func gamma(f float64) float64 {
	if f <= 0.0031308 {
		return f * 12.92
	}
	return 1.055*math.Pow(f, 1/2.4) - 0.055
}

// oklch is a colour as CSS Color 4 §9 defines it: lightness 0 to 1, chroma from 0,
// hue in radians.
type oklch struct{ l, c, h float64 }

func (c Color) oklch() oklch {
	r, g, b := linear(c.R), linear(c.G), linear(c.B)
	l := math.Cbrt(0.4122214708*r + 0.5363325363*g + 0.0514459929*b)
	m := math.Cbrt(0.2119034982*r + 0.6806995451*g + 0.1073969566*b)
	s := math.Cbrt(0.0883024619*r + 0.2817188376*g + 0.6299787005*b)
	lightness := 0.2104542553*l + 0.7936177850*m - 0.0040720468*s
	x := 1.9779984951*l - 2.4285922050*m + 0.4505937099*s
	y := 0.0259040371*l + 0.7827717662*m - 0.8086757660*s
	return oklch{l: lightness, c: math.Hypot(x, y), h: math.Atan2(y, x)}
}

// rgb is the nearest sRGB colour of the same lightness and hue: chroma gives way
// first, because contrast hangs on lightness and recognition on hue.
func (o oklch) rgb() Color {
	cos, sin := math.Cos(o.h), math.Sin(o.h)
	chroma := o.c
	if !light(o.l, chroma*cos, chroma*sin).displayable() {
		low, high := 0.0, o.c
		for range 12 {
			mid := (low + high) / 2
			if light(o.l, mid*cos, mid*sin).displayable() {
				low = mid
			} else {
				high = mid
			}
		}
		chroma = low
	}
	rgb := light(o.l, chroma*cos, chroma*sin)
	return Color{channel(rgb[0]), channel(rgb[1]), channel(rgb[2])}
}

// linearRGB is a colour in linear light; outside 0 to 1 a screen cannot show it.
type linearRGB [3]float64

// light converts from OKLab.
func light(lightness, a, b float64) linearRGB {
	l := cube(lightness + 0.3963377774*a + 0.2158037573*b)
	m := cube(lightness - 0.1055613458*a - 0.0638541728*b)
	s := cube(lightness - 0.0894841775*a - 1.2914855480*b)
	return linearRGB{
		4.0767416621*l - 3.3077115913*m + 0.2309699292*s,
		-1.2684380046*l + 2.6097574011*m - 0.3413193965*s,
		-0.0041960863*l - 0.7034186147*m + 1.7076147010*s,
	}
}

func (c linearRGB) displayable() bool {
	const slack = 0.0005
	for _, f := range c {
		if f < -slack || f > 1+slack {
			return false
		}
	}
	return true
}

func cube(f float64) float64 { return f * f * f }

func channel(f float64) uint8 {
	return uint8(math.Round(gamma(math.Min(1, math.Max(0, f))) * 255))
}

func errColor() error {
	return fault.New(fault.Invalid, "brand_color_invalid", "Write the colour as # and three or six hexadecimal digits, for example #0a6070.")
}
