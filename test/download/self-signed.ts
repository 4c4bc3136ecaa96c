/** A key and a certificate that nobody vouches for. Made for these tests: `openssl req -x509 -newkey ec -nodes -days 36500 -subj /CN=localhost`. */
export const SELF_SIGNED = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4z44iAqSEu5bndcI
7IHAhb6XQeuaVgn/5WpVxzrGNwKhRANCAAT/oid+PE+boR8JSpwtkHI7szHwzFG3
WCVWJ75erjeKK+nP6NHMY/QAYetC7P0fvL0cUhS7gambTqRWCtOYVNTT
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBfjCCASWgAwIBAgIUBatZkqyItjnpykCjMxqPweNKO3gwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNDIyMzcwM1oYDzIxMjYxMDMx
MjIzNzAzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAT/oid+PE+boR8JSpwtkHI7szHwzFG3WCVWJ75erjeKK+nP6NHMY/QA
YetC7P0fvL0cUhS7gambTqRWCtOYVNTTo1MwUTAdBgNVHQ4EFgQUpl/jz0v4BTm0
igs+3+Nfg8RIeIgwHwYDVR0jBBgwFoAUpl/jz0v4BTm0igs+3+Nfg8RIeIgwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiB3NTuAGn6vZ1rhMNMXyVpj
UuSjRGz6aAmfy7RnayIX0wIgMSexe7ZXKIaNTMQmJNd4X0xY9BmCrmRW0sjGsj1+
etY=
-----END CERTIFICATE-----`,
}
