import type { NextConfig } from "next";

const configuration: NextConfig = {
  reactStrictMode: true,
  poweredByHeader: false,
  devIndicators: false,
  // The callback's address holds an authorization code, which belongs in no log.
  logging: { incomingRequests: { ignore: [/^\/api\/auth\/callback/] } },
};

export default configuration;
