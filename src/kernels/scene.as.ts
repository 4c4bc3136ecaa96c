// Photos as labels see them. Plain twin: test/labels/plain-scene.ts.
export * from './scene/planes.as'
export * from './scene/labels.as'
