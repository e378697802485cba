#!/usr/bin/env node
import { roost } from './roost.js';
import { stores } from './stores.js';

await roost(stores);
