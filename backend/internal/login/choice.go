package login

import "github.com/google/uuid"

// Choose reports that the person chose an account of those signed in here.
func (t *Transaction) Choose(userID uuid.UUID) { t.reset(Progress{Chosen: userID}) }

// ChooseAnother reports that the person wants to use none of the accounts signed in here.
func (t *Transaction) ChooseAnother() { t.reset(Progress{AnotherAccount: true}) }

// ChooseAgain reports that the person has yet to choose an account, also when only one is signed in: they were asked
// before, and what they were shown is not true any more.
func (t *Transaction) ChooseAgain() { t.reset(Progress{Choosing: true}) }
