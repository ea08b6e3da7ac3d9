export { ClientCreate } from './create';
export { ClientDetail } from './detail';
export { ClientList } from './list';
