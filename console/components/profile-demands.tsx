import { useQuery } from '@tanstack/react-query';
import { useOrg } from '@/lib/address';
import { api, read, type ClientProfile } from '@/lib/api';
import { keys } from '@/lib/query';

interface ProfileDemandsProps {
  profile: ClientProfile;
  /** Of an organization's profile: who would have to follow and could not. */
  followers?: boolean;
}

/** What a profile demands, in the server's own words. The form works without them. */
export function ProfileDemands({ profile, followers }: ProfileDemandsProps) {
  const org = useOrg();
  const profiles = useQuery({ queryKey: keys.profiles(org), queryFn: ({ signal }) => read(api.GET('/api/v1/orgs/{org}/profiles', { params: { path: { org } }, signal })) });
  const found = profiles.data?.items.find(({ name }) => name === profile);
  if (!found) return null;
  const { value, exact } = found.clients_unmet;
  return (
    <div role="status" className="grid gap-1.5 rounded-control bg-neutral-3 p-3 text-12">
      <p className="font-medium">What it demands</p>
      <ul className="grid list-disc gap-1 pl-4 text-neutral-11">
        {found.demands.map((demand) => (
          <li key={demand}>{demand}</li>
        ))}
      </ul>
      {followers && value > 0 && (
        <p className="font-medium text-warning">
          {exact ? value : `More than ${value}`} {value === 1 ? 'client does' : 'clients do'} not meet it. Change {value === 1 ? 'it' : 'them'} first, or give {value === 1 ? 'it a profile of its' : 'them profiles of their'} own.
        </p>
      )}
    </div>
  );
}
