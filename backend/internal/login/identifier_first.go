package login

// Identified reports that somebody said who they are, where that is asked for first. It proves nothing.
func (t *Transaction) Identified(identifier string) { t.Progress.Identifier = identifier }
