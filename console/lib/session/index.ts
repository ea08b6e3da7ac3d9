export { getSession, lastOrganization, loadSession, setSession, signInBeside, signOut, startSignIn, subscribeToSession, type Session, type SignedIn } from './store';
export { useMay, useSession, useSignedIn } from './use-session';
