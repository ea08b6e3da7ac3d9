import type { MailServer, MailServerSet, MailServerTls } from '@/lib/api';
import { z } from '@/lib/schema';

export const protections: { value: MailServerTls; label: string; hint: string }[] = [
  { value: 'starttls', label: 'STARTTLS', hint: 'After connecting, usually at port 587.' },
  { value: 'implicit', label: 'TLS from the first byte', hint: 'Usually at port 465.' },
];

const address = z.string().trim().regex(/^[^\s@<>]+@[^\s@<>]+$|^[^<>]*<[^\s@<>]+@[^\s@<>]+>$/, 'Write an address, such as no-reply@example.com or Example <no-reply@example.com>.');

export const mailSchema = z.object({
  host: z.string().trim().min(1, 'Write the name of the server, such as smtp.example.com.').regex(/^[^\s/@]*$/, 'Write the name alone, without a scheme or a path.'),
  port: z.string().refine((text) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535, 'Ports are numbers from 1 to 65535.'),
  tls: z.enum(['starttls', 'implicit']),
  username: z.string().max(320, 'Use at most 320 characters.'),
  password: z.string().max(1000, 'Use at most 1000 characters.'),
  from: address,
  reply_to: z.union([z.literal(''), address]),
});

export type MailValues = z.infer<typeof mailSchema>;

export function valuesOf({ server }: MailServer): MailValues {
  return {
    host: server?.host ?? '',
    port: String(server?.port ?? 587),
    tls: server?.tls ?? 'starttls',
    username: server?.username ?? '',
    password: '',
    from: server?.from ?? '',
    reply_to: server?.reply_to ?? '',
  };
}

/** What is sent. An empty password stands for the one that is there. */
export function bodyOf({ port, username, password, reply_to, ...others }: MailValues): MailServerSet {
  return { ...others, port: Number(port), ...(username && { username }), ...(password && { password }), ...(reply_to && { reply_to }) };
}
