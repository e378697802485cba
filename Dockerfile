# The Roost server: `roost serve` with the configuration at /etc/roost/roost.config.json.

FROM node:20-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:20-bookworm-slim
ENV NODE_ENV=production ROOST_CONFIG=/etc/roost/roost.config.json
WORKDIR /opt/roost
COPY --from=build /src/package.json ./
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
RUN ln -s /opt/roost/dist/cli/main.js /usr/local/bin/roost
USER node
EXPOSE 7666 7915 7917 7918 7920 7921 9990
HEALTHCHECK --interval=2s --timeout=5s --retries=30 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9990/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["roost", "serve"]
