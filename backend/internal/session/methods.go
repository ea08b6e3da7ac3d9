package session

// The values of amr (RFC 8176 §2) that other ways of signing in report. A recovery code reports none of its own: none of the
// values says what it is.
const (
	MethodPassword        = "pwd"
	MethodOneTimePassword = "otp" // of an authenticator app (RFC 6238), or of a mail
	// MethodMultipleChannels says that the code came by another channel than the browser: here by mail. It tells such a
	// code from that of an app.
	MethodMultipleChannels = "mca"
)

// The values of amr (RFC 8176 §2) that passkeys report. What a sign-in amounts to (acr) is derived from them.
const (
	// MethodHardwareKey says that possession of a key was proved that cannot leave its device: the passkey is not backup
	// eligible (WebAuthn Level 3 §6.1.3). Without attestation that is what the authenticator says of itself.
	MethodHardwareKey = "hwk"
	// MethodSoftwareKey says that possession of a key was proved that may be copied to other devices of its owner: the
	// passkey is backup eligible.
	MethodSoftwareKey = "swk"
	// MethodUserPresence says that somebody was there and touched the authenticator (flag UP).
	MethodUserPresence = "user"
	// MethodMultipleFactors says that one more factor was proved: here that the authenticator verified its user by what
	// they know or are (flag UV), besides what they have.
	MethodMultipleFactors = "mfa"
)

// PasskeyMethods are the methods that a verified assertion of a passkey reports: always one of MethodHardwareKey and
// MethodSoftwareKey, which no other way of signing in reports, so either of them says that the sign-in cannot be phished;
// MethodUserPresence, because no assertion without is accepted; and MethodMultipleFactors where the user was verified. A
// passkey that signs in alone always has all three; as a second factor after a password it may lack the last, and whoever
// combines the two adds it.
func PasskeyMethods(backupEligible, userVerified bool) []string {
	methods := []string{MethodHardwareKey, MethodUserPresence}
	if backupEligible {
		methods[0] = MethodSoftwareKey
	}
	if userVerified {
		methods = append(methods, MethodMultipleFactors)
	}
	return methods
}
