export { ScopesAndClaims } from './scopes-and-claims';
