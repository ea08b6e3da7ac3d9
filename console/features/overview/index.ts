export { Home } from './home';
export { Overview } from './overview';
