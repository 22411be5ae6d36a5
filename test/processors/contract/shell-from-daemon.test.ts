import { describeProcessor } from './describe-processor.ts';
import { subjects } from './subjects.ts';

describeProcessor(subjects['shell-from-daemon']);
