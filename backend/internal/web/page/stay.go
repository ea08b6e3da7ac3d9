package page

// Stay is the box by which people stay signed in: field "stay", "yes" when it is ticked.
type Stay struct{ Ticked bool }
