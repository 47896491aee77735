/** Terraform's output `frontend_config`, which `Amplify.configure` accepts, too. */
export interface Config {
  readonly Auth: {
    readonly Cognito: {
      readonly userPoolId: string;
      readonly userPoolClientId: string;
      readonly userPoolEndpoint: string;
    };
  };
  readonly API: { readonly GraphQL: { readonly endpoint: string } };
  readonly runcast: {
    readonly realtimeUrl: string;
    /** The claim of the ID token that names the user. */
    readonly userIdClaim: string;
  };
}
