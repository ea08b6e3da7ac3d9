export { Apis } from './apis';
