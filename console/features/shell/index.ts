export { Shell } from './shell';
export { Providers } from './providers';
