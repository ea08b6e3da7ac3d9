export { OrganizationCreate } from './create';
export { OrganizationList } from './list';
export { OrganizationSettings } from './settings';
