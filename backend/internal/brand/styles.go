package brand

import "sync"

// maxStyles bounds the memory of Styles at roughly 2 MB.
const maxStyles = 1024

// Styles remembers the style of each colour it was asked for, because growing a palette
// takes a third of a millisecond and a page is asked for more often than a brand changes.
// The zero value is ready; it is safe for concurrent use.
type Styles struct {
	mu    sync.Mutex
	known map[string]Style
}

// Of is the style for a brand colour as Parse reads it. An empty or unreadable colour has
// the empty style: the page then wears the default brand of the tokens.
func (s *Styles) Of(color string) Style {
	s.mu.Lock()
	defer s.mu.Unlock()
	if style, ok := s.known[color]; ok {
		return style
	}
	parsed, err := Parse(color)
	if err != nil {
		return ""
	}
	if s.known == nil || len(s.known) >= maxStyles {
		s.known = make(map[string]Style)
	}
	style := NewPalette(parsed).Style()
	s.known[color] = style
	return style
}
