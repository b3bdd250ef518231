// The scaffolder action `entryway:request`, for the backend of Backstage (new backend system): in packages/backend/src/index.ts,
//   backend.add(import('./entryway/module.mjs'));
// and in app-config.yaml
//   entryway: { baseUrl: https://access.example.com, token: "${ENTRYWAY_TOKEN}" }
//
// It runs in the backend and takes the user from the task, which Backstage has authenticated. Do not put the service's token into
// Backstage's proxy instead: every user could then send Entryway-On-Behalf-Of with somebody else's name through it.

import { createHash } from 'node:crypto';
import { coreServices, createBackendModule } from '@backstage/backend-plugin-api';
import { createTemplateAction, scaffolderActionsExtensionPoint } from '@backstage/plugin-scaffolder-node';
import { fileAndWait } from './entryway.mjs';

const action = config =>
  createTemplateAction({
    id: 'entryway:request',
    description: 'Asks for an EKS access entry on behalf of the user, and waits until it is proven',
    schema: {
      input: {
        clusterName: z => z.string({ description: "Entryway's name for the cluster" }),
        principalArn: z => z.string({ description: 'The ARN of the IAM role or user' }),
        policy: z => z.string({ description: 'The EKS access policy' }),
        namespaces: z => z.array(z.string()).describe('Where it is to hold'),
        duration: z => z.string({ description: 'Such as 8h' }),
        reason: z => z.string({ description: 'Reviewers decide by it' }),
        ticket: z => z.string().optional(),
      },
      output: {
        id: z => z.string(),
        expiresAt: z => z.string().nullable(),
      },
    },
    async handler(ctx) {
      const user = ctx.user?.entity?.metadata.name;
      if (!user) throw new Error('nobody is signed in whom the catalogue knows: Entryway has to know who asks');
      const { policy, namespaces, ...rest } = ctx.input;
      const ask = { ...rest, accessPolicies: [{ policyArn: policy, accessScope: { type: 'namespace', namespaces } }] };
      const digest = createHash('sha256').update(JSON.stringify(ask)).digest('hex');
      const request = await fileAndWait({
        baseUrl: config.getString('entryway.baseUrl').replace(/\/$/, ''),
        token: config.getString('entryway.token'),
        user,
        // A step that Backstage runs again does not ask again; another step of the same task asks for itself.
        key: `backstage-${ctx.task.id}-${digest}`,
        ask,
        log: line => ctx.logger.info(line),
        signal: ctx.signal,
      });
      ctx.output('id', request.id);
      ctx.output('expiresAt', request.grant.expiresAt);
    },
  });

export default createBackendModule({
  pluginId: 'scaffolder',
  moduleId: 'entryway',
  register({ registerInit }) {
    registerInit({
      deps: { scaffolder: scaffolderActionsExtensionPoint, config: coreServices.rootConfig },
      async init({ scaffolder, config }) {
        scaffolder.addActions(action(config));
      },
    });
  },
});
