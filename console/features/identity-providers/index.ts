export { IdentityProviders } from './providers';
