import { AppWindow, BadgeCheck, FilePlus2, LayoutDashboard, LogIn, Network, ScrollText, Settings, Users, type LucideIcon } from 'lucide-react';
import type { Permission } from '@/lib/api';
import { address } from '@/lib/address';

export interface SectionEntry {
  id: string;
  label: string;
  icon: LucideIcon;
  href: (org: string) => string;
  permission: Permission;
  /** Pressed after g. */
  key: string;
}

export const sections: SectionEntry[] = [
  { id: 'overview', label: 'Overview', icon: LayoutDashboard, href: address.overview, permission: 'organization:read', key: 'o' },
  { id: 'users', label: 'Users', icon: Users, href: address.users, permission: 'users:read', key: 'u' },
  { id: 'clients', label: 'Clients', icon: AppWindow, href: address.clients, permission: 'clients:read', key: 'c' },
  { id: 'scopes', label: 'Scopes and claims', icon: BadgeCheck, href: address.scopes, permission: 'organization:read', key: 'p' },
  { id: 'apis', label: 'APIs', icon: Network, href: address.apis, permission: 'organization:read', key: 'i' },
  { id: 'identity-providers', label: 'Identity providers', icon: LogIn, href: address.identityProviders, permission: 'organization:read', key: 'e' },
  { id: 'registration', label: 'Registration', icon: FilePlus2, href: address.registration, permission: 'organization:read', key: 'r' },
  { id: 'audit-events', label: 'Audit events', icon: ScrollText, href: address.auditEvents, permission: 'audit:read', key: 'a' },
  { id: 'settings', label: 'Settings', icon: Settings, href: address.settings, permission: 'organization:read', key: 's' },
];
